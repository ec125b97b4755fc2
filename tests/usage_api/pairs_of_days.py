"""What an OpenAPI document cannot say of two parameters together, for schemathesis: a range has two ends, in
their order, and at most 92 days; and where a list goes on is what the list says.

Loaded by SCHEMATHESIS_HOOKS.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import schemathesis

from usage_api.parameters import MOST_DAYS


@schemathesis.hook
def before_call(
    _context: schemathesis.HookContext, case: schemathesis.Case[Any], _kwargs: dict[str, Any]
) -> None:
    """Where the parameters are possible one by one, make them possible together."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    case.query.pop("next", None)
    first, last = _day(case.query.get("from")), _day(case.query.get("to"))
    if first and last:
        first, last = min(first, last), max(first, last)
        last = min(last, first + timedelta(days=MOST_DAYS - 1))
    if first or last:
        case.query |= {"from": str(first or last), "to": str(last or first)}


def _day(value: object) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
