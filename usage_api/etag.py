"""When an answer is still good: its ETag."""

from __future__ import annotations

import hashlib
from typing import Final

from usage_api.schemas import Answer

VARY: Final = "Accept, Authorization, x-api-key, x-usage-link"
"""One address answers each caller otherwise."""


def etag_of(answer: Answer, media_type: str) -> str:
    """The tag of an answer's content in a form: the same as long as nothing but `as_of` changes. It is weak,
    since `as_of` does.
    """
    content = answer.model_dump_json(exclude={"as_of"}, by_alias=True)
    return f'W/"{hashlib.sha256(f"{media_type} {content}".encode()).hexdigest()[:32]}"'


def etag_of_bytes(content: bytes) -> str:
    """The tag of a file."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def matches(etag: str, if_none_match: str | None) -> bool:
    """Whether a caller has what the tag stands for; tags are compared weakly.

    https://www.rfc-editor.org/rfc/rfc9110#name-if-none-match
    """
    if if_none_match is None:
        return False
    known = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return "*" in known or etag.removeprefix("W/") in known
