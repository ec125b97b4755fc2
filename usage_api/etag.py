"""When an answer is still good: its ETag, and how long it may be kept."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Final

from usage_api.schemas import Answer, PeriodUsage, RangeUsage

FRESH_SECONDS: Final = 5
"""As long as completeness is kept: before that there is hardly anything new."""

SETTLED_SECONDS: Final = 3600
SETTLED_AFTER: Final = timedelta(days=3)
"""A call is counted at most two days after it was made, unless the meter had stopped: a period that ended so
long ago, and is complete past that, hardly changes.
"""

VARY: Final = "Accept, Authorization, x-api-key"
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


def cache_control(answer: Answer) -> str:
    """How long an answer may be kept, and only by who asked."""
    seconds = FRESH_SECONDS
    if isinstance(answer, PeriodUsage | RangeUsage) and _is_settled(answer.ends_at, answer.complete_through):
        seconds = SETTLED_SECONDS
    return f"private, max-age={seconds}"


def _is_settled(ends_at: datetime, complete_through: datetime | None) -> bool:
    return complete_through is not None and complete_through >= ends_at + SETTLED_AFTER
