"""Rebuild: the counters of a month, a day or a key made from the lake alone.

It is a repair of everything: where a counter is missing, all of it is the difference. So an empty table gets
what the live path had counted, in slice 0, with the marks of the waiting as watermarks;
calls that come meanwhile are added to it as to any counter; and a rebuild that was stopped is begun again and
does the rest. Records that come again from an earlier position find themselves counted.
"""

from __future__ import annotations

from reconciliation.repair.repairer import CONCURRENCY, Repaired, Repairer
from reconciliation.repair.scope import NotRepairableError, Scope


def rebuild(
    repairer: Repairer, scope: Scope, *, correct: bool = False, concurrency: int = CONCURRENCY
) -> Repaired:
    """Make the counters of a scope. `correct` brings counters that are there to the lake's figure, too.

    Raises:
        NotRepairableError: there are counters, and they are not to be corrected; or what was named is not
            complete. Nothing was written.
        MeterError: something could not be read or written. What was done holds, and a new rebuild does the
            rest.
    """
    found = repairer.prepare(scope)
    if found.has_counters and not correct:
        raise NotRepairableError(
            f"there are counters of {scope.month} already: --correct sets them to the lake's figures, and "
            "continues a rebuild that was stopped"
        )
    return found.carry_out(found.plans(), concurrency)
