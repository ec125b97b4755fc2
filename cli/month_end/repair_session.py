"""What `reconcile --repair` and `rebuild` share: a repairer on a deployment, questions, and the report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import islice
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.status import Status
from rich.table import Table

from cli.common.bootstrap import Target, target
from cli.common.errors import PROBLEM, CommandError
from cli.common.question import agreed
from cli.common.terminal import is_live, table
from metering.counters.counter import Counter
from metering.period import Period
from metering.proof.correction import Correction, Fate
from reconciliation.billing_chain import BrokenChainError
from reconciliation.closing import NotProvenError, NotSealedError
from reconciliation.model.report import Report
from reconciliation.ports import OnProgress, StepProgress
from reconciliation.reconcile import Sources
from reconciliation.repair.plan import HeldBack, RepairPlan
from reconciliation.repair.repairer import CONCURRENCY, Repaired, Repairer
from reconciliation.repair.scope import NotRepairableError
from reconciliation.repair.trust import doubts, scope_of
from reconciliation.report.verdict import counted
from reconciliation.wiring import make_repair_sources, make_sources, utc_now

MOST_SHOWN: Final = 20
"""Counters of which a line is written."""


def repairer(where: Target, sources: Sources, on_progress: OnProgress) -> Repairer:
    """A repairer on a deployment.

    Raises:
        Misconfigured, Transient: an output of the stack is missing, or nobody knows who is asking.
    """
    (stream_name,) = where.deployment.values("CallStreamName")
    writes = make_repair_sources(where.deployment.reconciliation, stream_name, where.client, sources)
    return Repairer(writes, utc_now, where.caller, on_progress)


@contextmanager
def refusals_as_messages() -> Iterator[None]:
    """Turns a refusal into an error message, in place of a traceback."""
    try:
        yield
    except (NotRepairableError, NotProvenError, NotSealedError, BrokenChainError) as refusal:
        raise CommandError(f"{refusal}.", PROBLEM) from refusal


def repair(
    report: Report, stack: str, screen: Console, *, yes: bool, lower: str = ""
) -> tuple[bool, Repaired]:
    """Bring the counters that a report names to the lake's figure, after showing which and asking; whether
    nothing is left, and what was done. Rows of the lake are not repaired, and where
    a finding says that the lake is wrong, neither is the counter. `lower` is why counters may be lowered.

    Raises:
        CommandError: they cannot be repaired, or nobody agreed.
        MeterError, ClientError, BotoCoreError: something could not be read or written. What was done holds.
        typer.Abort: the answer was no. Nothing was written.
    """
    where = target(stack)
    sources = make_sources(where.deployment.reconciliation, where.client)
    status = Status(f"Repairing {report.month}", console=screen)

    def on_progress(progress: StepProgress) -> None:
        status.update(f"Repairing {report.month}: {progress.step} {progress.done:,}")

    with refusals_as_messages():
        scope = scope_of(report, f"differs from the lake by report {report.run_id}", lower)
        with _live(status, screen):
            prepared = repairer(where, sources, on_progress).prepare(scope)
            plans = list(prepared.plans())
        in_doubt = doubts(report)
        screen.print(*held_back_lines(in_doubt, prepared.held_back), sep="\n", markup=False, soft_wrap=True)
        if plans:
            _ask(screen, plans, yes=yes)
        with _live(status, screen):
            repaired = prepared.carry_out(plans, CONCURRENCY)
    report_repairs(screen, repaired)
    return not (repaired.left or repaired.held_back or in_doubt or report.altered_rows), repaired


def held_back_lines(
    in_doubt: Mapping[tuple[str, Period], str], held_back: Sequence[HeldBack]
) -> Iterator[str]:
    """A line for each of the first counters that are left unchanged, and why."""
    for (key, period), why in islice(sorted(in_doubt.items()), MOST_SHOWN):
        yield f"Not changed: {key} {period}: the lake may be wrong ({why})"
    for one in held_back[:MOST_SHOWN]:
        yield f"Not changed: {one.correction.key} {one.correction.period}: {one.why}"
    if (more := sum(max(0, len(of) - MOST_SHOWN) for of in (in_doubt, held_back))) > 0:
        yield f"Not changed: {more:,} more"


def _live(status: Status, screen: Console) -> AbstractContextManager[object]:
    return status if is_live(screen) else nullcontext()


def _ask(screen: Console, plans: Sequence[RepairPlan], *, yes: bool) -> None:
    count = sum(len(plan.corrections) for plan in plans)
    screen.print()
    screen.print(plans_table(plans))
    agreed(f"Set {counted(count, 'counter')} to the lake's figures?", yes=yes)
    screen.print("Waiting until everything in the stream is counted ...")


def plans_table(plans: Iterable[RepairPlan]) -> Table:
    """Before and after, for the first of the counters."""
    corrections = [one for plan in plans for one in plan.corrections]
    rows = _table("")
    for one in corrections[:MOST_SHOWN]:
        rows.add_row(*_row(one))
    if len(corrections) > MOST_SHOWN:
        rows.add_row(f"and {len(corrections) - MOST_SHOWN:,} more")
    return rows


def _table(last: str) -> Table:
    numbers = ("requests before", "after", "billable before", "after ")
    return table("key", "period", *numbers, last, numbers=numbers)


def _row(one: Correction) -> list[str]:
    before, after = one.before.usage, one.after.usage
    others = ""
    if after.requests < before.requests:
        others = "removes calls"
    elif (before.requests, before.billable) == (after.requests, after.billable):
        others = "other totals"
    figures = (before.requests, after.requests, before.billable, after.billable)
    return [one.key, one.period, *(f"{figure:,}" for figure in figures), others]


def report_repairs(screen: Console, repaired: Repaired) -> None:
    """What became of the corrections."""
    screen.print(
        f"{counted(repaired.written, 'counter')} set to the lake's figures, {repaired.done_before:,} done "
        f"before, {repaired.left:,} left unchanged",
        soft_wrap=True,
    )
    left = [done for done in repaired.done if done.fate in (Fate.CHANGED, Fate.UNSURE)]
    for done in left[:MOST_SHOWN]:
        screen.print(f"  {done.correction.key} {done.correction.period}: {done.fate}", markup=False)


def document(repaired: Repaired) -> dict[str, Any]:
    """What was done, as JSON takes it. Fingerprints are texts: they lie above 2^53."""
    return {
        "month": repaired.month,
        "report": repaired.report,
        "keys": repaired.keys,
        "written": repaired.written,
        "done_before": repaired.done_before,
        "left": repaired.left,
        "held_back": repaired.held_back,
        "done": [
            {
                "key": done.correction.key,
                "period": done.correction.period,
                "fate": done.fate.value,
                "before": _counter(done.correction.before),
                "after": _counter(done.correction.after),
            }
            for done in repaired.done
        ],
    }


def _counter(counter: Counter) -> dict[str, object]:
    usage = msgspec.structs.asdict(counter.usage)
    return {**usage, "fingerprint": str(counter.usage.fingerprint), "parts": counter.parts}
