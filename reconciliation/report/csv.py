"""The differences and findings of a report as CSV, for spreadsheets: a row for each, in columns of one kind.

| kind | is | its totals |
|---|---|---|
| difference | a key's day or month | both sides, and what was counted beyond the lake |
| contradiction | a counter that does not fit itself or another | requests by its parts, and as expected |
| finding | a call, a row or a counter where both sides differ | the call's, or what a counter has too much |
| repeated object | an object of the lake whose rows lie in another, too | the rows, as requests |

Hashes and fingerprints have more digits than a spreadsheet keeps of a number, and are texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

from metering.proof.drift import Difference
from metering.results.safe_csv import Cell, Typed, csv_text
from metering.usage import TOTALS, Usage
from reconciliation.model.causes import Finding
from reconciliation.model.contradictions import Contradiction
from reconciliation.model.report import RepeatedObject, Report

CSV_HEADER: Final = (
    "month", "report", "kind", "key", "period", "what", "note", "advice", "event_id", "event_hash", "time",
    *TOTALS, *(f"counted_{name}" for name in TOTALS), *(f"in_lake_{name}" for name in TOTALS), "objects",
)  # fmt: skip
_NO_TOTALS: Final[Sequence[Cell]] = (None,) * len(TOTALS)


def report_csv(report: Report) -> bytes:
    """The file, in UTF-8. The same report always gives the same bytes."""
    return csv_text([CSV_HEADER, *_rows(report)]).encode()


def _rows(report: Report) -> Iterator[Sequence[Cell]]:
    for row in _things(report):
        yield (Typed(report.month), report.run_id, *row)


def _things(report: Report) -> Iterator[Sequence[Cell]]:
    yield from map(_difference, report.differences)
    yield from map(_contradiction, report.contradictions)
    yield from map(_finding, report.findings)
    yield from map(_repeated, report.repeated_objects)


def _difference(one: Difference) -> Sequence[Cell]:
    surplus, counted, in_lake = map(_totals, (one.surplus, one.counted, one.in_lake))
    nothing = (None,) * 5
    return (
        "difference",
        one.key,
        _period(one.period),
        one.nature,
        *nothing,
        *surplus,
        *counted,
        *in_lake,
        None,
    )


def _contradiction(one: Contradiction) -> Sequence[Cell]:
    what = one.sentence
    row = ("contradiction", one.key, _period(one.period), what, *(None,) * 5)
    return (*row, *_requests(one.held - one.expected), *_NO_TOTALS, *_NO_TOTALS, None)


def _finding(one: Finding) -> Sequence[Cell]:
    call = (one.event_id, one.event_hash, _time(one.time))
    usage = _NO_TOTALS if one.usage is None else _totals(one.usage)
    row = ("finding", one.key, _period(one.period), one.cause, one.note, one.advice, *call)
    return (*row, *usage, *_NO_TOTALS, *_NO_TOTALS, _lines(one.objects))


def _repeated(one: RepeatedObject) -> Sequence[Cell]:
    what = f"repeats rows of {one.copy_of}"
    row = ("repeated object", None, None, what, *(None,) * 5)
    return (*row, *_requests(one.rows), *_NO_TOTALS, *_NO_TOTALS, one.object)


def _totals(usage: Usage) -> Sequence[Cell]:
    return [getattr(usage, name) for name in TOTALS]


def _requests(number: int) -> Sequence[Cell]:
    return (number, *_NO_TOTALS[1:])


def _period(period: str | None) -> Typed | None:
    return None if period is None else Typed(period)


def _time(time: datetime | None) -> Typed | None:
    return None if time is None else Typed(f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03d}Z")


def _lines(names: Iterable[str]) -> str:
    return "\n".join(names)
