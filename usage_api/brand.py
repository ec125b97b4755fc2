"""The owner's name, colour and logo on the page: put into its files once, when they are read."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from typing import Final, NamedTuple
from urllib.parse import quote

from usage_api.static_files import PageFile, PageFiles, text_file

LEAST_CONTRAST: Final = 4.5
"""Of text on its ground (https://www.w3.org/TR/WCAG22/#contrast-minimum)."""
LIGHT_GROUND: Final = "#e9ecf1"
DARK_GROUND: Final = "#232c38"
"""The grounds of style.css on which a link has the least contrast."""
DARK_CARD: Final = "#161d26"

STYLE: Final = "style.css"
OWN_NAME: Final = "Usage meter"
OWN_COLOUR: Final = "%231f6feb"
"""In the address of the page's icon."""

_STEPS: Final = 50

Rgb = tuple[int, int, int]


class Brand(NamedTuple):
    """What the owner has set, and what was checked where the settings are read."""

    name: str = ""
    colour: str = ""
    """Such as `#1558c0`."""
    logo: str = ""
    """A picture as a data URI."""

    def applied(self, page: PageFiles) -> PageFiles:
        """The page's files with name, colour and logo; what is not set is as it was."""
        if not any(self):
            return page
        index = _changed(page.index, self._index(str(page.index.content)))
        style = page.assets[STYLE]
        assets = {**page.assets, STYLE: _changed(style, str(style.content) + self._style())}
        return replace(page, index=index, assets=assets, name=self.name or page.name)

    def _index(self, index: str) -> str:
        if self.name:
            index = index.replace(f">{OWN_NAME}<", f">{escape(self.name)}<")
        if self.colour:
            index = index.replace(OWN_COLOUR, quote(readable(self.colour, LIGHT_GROUND)))
        if self.logo:
            index = _with_logo(index, self.logo)
        return index

    def _style(self) -> str:
        """The colour, made darker for the light theme and lighter for the dark one where it takes that."""
        if not self.colour:
            return ""
        light, dark = readable(self.colour, LIGHT_GROUND), readable(self.colour, DARK_GROUND)
        pairs = {
            "accent": (light, dark),
            "bar-chosen": (light, dark),
            "bar": (mixed(light, "#ffffff", 0.5), mixed(dark, DARK_CARD, 0.45)),
            "bar-unfinished": (mixed(light, "#ffffff", 0.75), mixed(dark, DARK_CARD, 0.7)),
        }
        colours = "".join(f" --{name}: light-dark({one}, {other});" for name, (one, other) in pairs.items())
        return f"\n:root {{{colours} }}\n.brand-box {{ fill: {light}; }}\n"


def readable(colour: str, ground: str) -> str:
    """The colour, as much darker (on a light ground) or lighter (on a dark one) as it takes to be read."""
    end = "#000000" if contrast(ground, "#000000") > contrast(ground, "#ffffff") else "#ffffff"
    tried = (mixed(colour, end, step / _STEPS) for step in range(_STEPS + 1))
    return next(one for one in tried if contrast(one, ground) >= LEAST_CONTRAST)


def contrast(one: str, other: str) -> float:
    """From 1 to 21 (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio)."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def mixed(colour: str, other: str, share: float) -> str:
    """A colour with a share of another one in it."""
    pairs = zip(_rgb(colour), _rgb(other), strict=True)
    return "#" + "".join(f"{round(own + (its - own) * share):02x}" for own, its in pairs)


def _with_logo(index: str, logo: str) -> str:
    """The page with the logo before its name, and as its icon. It is an image of its own, never markup of the
    page: a script in it does not run.
    """
    before, _, rest = index.partition('<svg viewBox="0 0 16 16" width="26"')
    pictured = f'{before}<img src="{escape(logo)}" alt="" height="26">{rest.partition("</svg>")[2]}'
    before, start, rest = pictured.partition('<link rel="icon" href="')
    return f'{before}{start}{escape(logo)}"{rest.partition(chr(34))[2]}'


def _changed(file: PageFile, content: str) -> PageFile:
    return text_file(content, file.content_type)


def _rgb(colour: str) -> Rgb:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return red, green, blue


def _luminance(colour: str) -> float:
    """https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    red, green, blue = (_linear(part / 255) for part in _rgb(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)
