"""How lines become billed calls: what their fields are called, and which statuses are exempt."""

from __future__ import annotations

import re
from functools import lru_cache

from metering.line_format.field_map import DEFAULT_FIELDS, FieldMap

_PART = re.compile(r"([1-5])(\d\d|xx)", re.ASCII)
NOT_BILLABLE = "429,5xx"
LOWEST_STATUS = 100
HIGHEST_STATUS = 599
TOO_MANY_REQUESTS = 429
DENIALS = frozenset({403, TOO_MANY_REQUESTS})
"""What calls get that the quota authorizer denies: status 403 of an HTTP API, which knows no other."""


class BillingRule:
    """The statuses of calls that are counted and not billed, such as `429,5xx`; and where a line has its
    values.

    `rule.exempt` is the set of those statuses, from 100 to 599. A call that the quota authorizer has denied
    counts as one of status 429, whatever the API made of it. `rule.billed[status]` is whether every call of a
    status is billed, whatever else its line says.
    """

    def __init__(self, not_billable: str = NOT_BILLABLE, fields: FieldMap = DEFAULT_FIELDS) -> None:
        """Read statuses and classes of statuses with commas between them; an empty text exempts none.

        Raises ValueError for anything else.
        """
        self.fields = fields
        self.exempt, self.billed = _read(not_billable)

    def exempts(self, status: int | None, *, denied: bool) -> bool:
        """Whether a call is not billed: by its status, and by whether the quota authorizer denied it."""
        return (TOO_MANY_REQUESTS if denied else status) in self.exempt


@lru_cache(maxsize=64)
def _read(not_billable: str) -> tuple[frozenset[int], tuple[bool, ...]]:
    """The exempt statuses, and for each status whether all its calls are billed."""
    parts = [part.strip() for part in not_billable.split(",")] if not_billable.strip() else []
    exempt = frozenset(status for part in parts for status in _statuses(part))
    special = exempt | DENIALS
    return exempt, tuple(status not in special for status in range(HIGHEST_STATUS + 1))


def _statuses(part: str) -> range:
    match = _PART.fullmatch(part.lower())
    if match is None:
        raise ValueError(f"{part!r} is neither a status (429) nor a class of statuses (5xx)")
    first, rest = match.groups()
    if rest == "xx":
        return range(int(first) * 100, int(first) * 100 + 100)
    return range(int(first + rest), int(first + rest) + 1)
