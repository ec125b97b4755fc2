"""What an owner sets for the page: its name, colour and logo, and the origins that may show it in a frame."""

from __future__ import annotations

import base64
import re
from typing import Final

from metering.visible_text import visible

_LABEL: Final = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HTTPS_ORIGIN: Final = re.compile(rf"https://{_LABEL}(\.{_LABEL}){{0,9}}(:[1-9][0-9]{{0,4}})?", re.ASCII)
_MOST_ORIGINS: Final = 10


def https_origins(text: str) -> tuple[str, ...]:
    """The origins in a list with commas, as browsers write them: `https://`, a name in small letters, and a
    port if it is not 443. No wildcard, path or keyword is one. Raises ValueError for anything else.
    """
    origins = tuple(text.split(",")) if text else ()
    for origin in origins:
        if _HTTPS_ORIGIN.fullmatch(origin) is None:
            raise ValueError(f"{origin!r} is not an origin such as https://portal.example")
    if len(origins) > _MOST_ORIGINS:
        raise ValueError(f"{len(origins)} origins are given; {_MOST_ORIGINS} are possible")
    return origins


_LONGEST_PAGE_NAME: Final = 60
_COLOUR: Final = re.compile("#[0-9a-fA-F]{6}")
_LOGO: Final = re.compile("data:image/(png|svg[+]xml);base64,([A-Za-z0-9+/]+={0,2})")
_LONGEST_LOGO: Final = 1_800
"""Lambda takes 4 kB for all variables of a function together.
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""
_LOGO_HOLDS: Final = {"png": b"\x89PNG\r\n\x1a\n", "svg+xml": b"<svg"}


def page_name(text: str) -> str:
    """A name to show on the page, or none. Raises ValueError for one that is too long or cannot be seen."""
    if len(text) > _LONGEST_PAGE_NAME:
        raise ValueError(f"{len(text)} characters are given; {_LONGEST_PAGE_NAME} are possible")
    if visible(text) != text or text.strip() != text:
        raise ValueError(f"{text!r} has characters that cannot be seen, or a space at an end")
    return text


def page_colour(text: str) -> str:
    """A colour such as `#1558c0`, or none. Raises ValueError for anything else."""
    if text and _COLOUR.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not a colour such as #1558c0")
    return text


def page_logo(text: str) -> str:
    """A PNG or SVG picture as a data URI in base64, or none. Raises ValueError for anything else."""
    if not text:
        return text
    if len(text) > _LONGEST_LOGO:
        raise ValueError(f"{len(text)} characters are given; {_LONGEST_LOGO} are possible: make it smaller")
    found = _LOGO.fullmatch(text)
    if found is None:
        raise ValueError(
            f"{text[:40]!r} is not the beginning of a picture as data:image/png;base64,... or "
            "data:image/svg+xml;base64,..."
        )
    try:
        picture = base64.b64decode(found[2], validate=True)
    except ValueError:
        raise ValueError("what follows base64, is not base64") from None
    if _LOGO_HOLDS[found[1]] not in picture:
        raise ValueError(f"the data is not a picture of the type image/{found[1]}")
    return text
