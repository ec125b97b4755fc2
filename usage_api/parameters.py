"""What may be asked for: keys, months, days, and ranges of days. All of it is text from outside.

The patterns are exact: they take each day that there is from 2000 to 2999, and no other. So the OpenAPI
document says all there is to say of a single parameter, and what is left to check here are pairs.
"""

from __future__ import annotations

from datetime import date
from typing import Final, NamedTuple
from urllib.parse import unquote

from metering.key_id import COUNTER_NAME_PATTERN, key_of_subject
from metering.period import Period
from usage_api.problems import BadRequest

MOST_DAYS: Final = 92
"""A quarter: so many items at most are read for one answer."""
LONGEST_SEARCH: Final = 256

_YEAR: Final = "2[0-9]{3}"
_LEAP_YEAR: Final = "2(?:[048]00|[0-9](?:0[48]|[2468][048]|[13579][26]))"
_DAY: Final = (
    f"(?:{_YEAR}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    f"|02-(?:0[1-9]|1[0-9]|2[0-8]))|{_LEAP_YEAR}-02-29)"
)
_MONTH: Final = f"{_YEAR}-(?:0[1-9]|1[0-2])"
MONTH_PATTERN: Final = f"^{_MONTH}$"
DAY_PATTERN: Final = f"^{_DAY}$"
PERIOD_PATTERN: Final = f"^(?:{_MONTH}|{_DAY})$"
INVOICE_PATTERN: Final = f"^{_MONTH}(?:-[A-Z]{{3}})?$"
KEY_PATTERN: Final = COUNTER_NAME_PATTERN


class Days(NamedTuple):
    """The days from `first` to `last`, both included."""

    first: Period
    last: Period


def days_between(first: str | None, last: str | None) -> Days | None:
    """The days of a range, of texts that are days; None: no range is asked for.

    Raises:
        BadRequest: only one end is given, they are in the wrong order, or too far apart.
    """
    if first is None and last is None:
        return None
    if first is None or last is None:
        raise BadRequest(
            "A range has two ends: give both from and to, such as from=2026-11-01&to=2026-11-30."
        )
    count = (date.fromisoformat(last) - date.fromisoformat(first)).days + 1
    if count < 1:
        raise BadRequest(f"from={first} comes after to={last}: exchange them.")
    if count > MOST_DAYS:
        raise BadRequest(f"{first} to {last} are {count} days; request at most {MOST_DAYS} at a time.")
    return Days(Period(first), Period(last))


def decoded(segment: str) -> str:
    """The text of a segment of a path. REST APIs hand it over as the caller wrote it, percent-encoded; it is
    decoded once and never again.

    Raises:
        ValueError: it is no UTF-8.
    """
    return unquote(segment, errors="strict")


def key_in_path(segment: str) -> str:
    """The key that a segment of a path means: of the subject of a token, however long, the key that its calls
    are counted under. What can be no key's is left to the pattern.

    Raises:
        ValueError: it is no UTF-8.
    """
    text = decoded(segment)
    try:
        return key_of_subject(text)
    except ValueError:
        return text
