"""The report of a month, published in the lake's bucket:

    reconciliation/2026-10/run.json                     the run that was begun last
    reconciliation/2026-10/<run id>/comparison.json     what differs, before it is known why
    reconciliation/2026-10/<run id>/report.json         what it found; it is written once, and never changed
    reconciliation/2026-10/<run id>/differences.csv     what follows from that
    reconciliation/2026-10/<run id>/report.html
    reconciliation/2026-10/latest.json                  which report is the newest

In this order, and what holds if a step is the last to happen:

1. **Begin.** `run.json` names the run. Whoever comes while it is under way joins it, under its id. Nothing is
   published yet; whoever comes within `AT_ONCE` takes a run that was killed up again, whoever comes later
   begins another.
2. **Reconcile** under that id. A run that is taken up again gets the queries that it had asked for already.
   Where something differs, the comparison is published at once: it is there whatever becomes of the rest.
3. **Decide**: the report is put on the condition that there is none. Of two jobs at once one decides; the
   other reads that report, and says so.
4. **Derive** table and page from the report that was decided: the same bytes, whoever writes them.
5. **Point** to it, unless there is a newer one. Who reads `latest.json` never meets half a report.

So two jobs at once give one report, and a job that is killed between any two writes and run again comes to
the same end.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol, TypeVar

import msgspec

from metering.bucket_layout import REPORTS
from metering.errors import Misconfigured, Transient
from metering.period import Period
from metering.proof.stored_object import Stored
from reconciliation.model.report import Report
from reconciliation.model.report_reading import read_report
from reconciliation.report.csv import report_csv
from reconciliation.report.page import report_page
from reconciliation.report.verdict import verdict

AT_ONCE: Final = timedelta(minutes=15)
"""So long after its beginning a run may be under way: as long as a Lambda function may run.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html
"""
_ATTEMPTS: Final = 10

Document = TypeVar("Document", bound=msgspec.Struct)


class ReportStore(Protocol):
    """Where reports are kept. Transient and Misconfigured are the errors of all."""

    def read(self, name: str) -> Stored | None:
        """An object; None if there is none."""
        ...

    def add(self, name: str, content: bytes) -> bool:
        """Write an object, if there is none; whether it was written."""
        ...

    def replace(self, name: str, content: bytes, tag: str) -> bool:
        """Write an object anew, if it still has the version of that tag; whether it was written."""
        ...

    def place(self, name: str) -> str:
        """Where others find an object: `s3://...`."""
        ...


class Reconciling(Protocol):
    """What compares a month under the id of a run."""

    def reconcile(
        self,
        month: Period,
        *,
        run_id: str,
        allow_incomplete: bool | None = None,
        on_compared: Callable[[Report], None] = ...,
    ) -> Report:
        """The report; with `allow_incomplete` of a month that is not complete, too. `on_compared` is called
        with what is known before differences are looked into, if there are any.

        Raises:
            MeterError: something could not be read.
        """
        ...


class Begun(msgspec.Struct, frozen=True):
    """The run of a month that was begun last."""

    run_id: str
    begun_at: datetime
    allow_incomplete: bool = False


class Latest(msgspec.Struct, frozen=True):
    """The newest report of a month."""

    month: Period
    run_id: str
    finished_at: datetime
    verdict: str
    sentence: str
    agrees: bool
    is_complete: bool
    report: str
    """Its name in the bucket, as of the next two."""
    differences: str
    page: str


class Published(NamedTuple):
    """A report that can be read by all."""

    report: Report
    place: str
    """Of the page, `s3://...`."""
    is_own: bool
    """Whether this job decided it; another one did, if not, and this is what that found."""


class ReportPublisher:
    """Reconciles months and publishes their reports."""

    def __init__(
        self,
        store: ReportStore,
        reconciler: Reconciling,
        clock: Callable[[], datetime],
    ) -> None:
        """`clock` gives the time in UTC."""
        self._store = store
        self._reconciler = reconciler
        self._clock = clock

    def publish(
        self,
        month: Period,
        *,
        run_id: str,
        allow_incomplete: bool = False,
        on_compared: Callable[[Report], None] = lambda _report: None,
    ) -> Published:
        """Do the steps of the module's docstring. A run that is repeated under its id gives its report again.
        With `allow_incomplete` a month is compared though it is not complete; such runs are joined by such
        alone. `on_compared` is called once the comparison is published, if it found something.

        Raises:
            MeterError: something could not be read or written. What was done holds; run it again.
        """
        report, is_own = self._read(month, run_id), False
        if report is None:
            begun = self._begin(month, Begun(run_id, self._clock(), allow_incomplete))  # 1
            report, is_own = self._decided(month, begun, on_compared)
        folder = folder_of(month, report.run_id)
        self._store.add(f"{folder}differences.csv", report_csv(report))  # 4
        self._store.add(f"{folder}report.html", report_page(report))
        self._point(latest_of(report))  # 5
        return Published(report, self._store.place(f"{folder}report.html"), is_own)

    def _decided(
        self, month: Period, begun: Begun, on_compared: Callable[[Report], None]
    ) -> tuple[Report, bool]:
        """The report of a run, and whether it is this job's."""
        run_id = begun.run_id
        report = self._read(month, run_id)
        if report is not None:
            return report, False

        def publish_comparison(compared: Report) -> None:
            self._store.add(comparison_name(month, run_id), compared.to_json())
            on_compared(compared)

        report = self._reconciler.reconcile(  # 2
            month, run_id=run_id, allow_incomplete=begun.allow_incomplete, on_compared=publish_comparison
        )
        if self._store.add(report_name(month, run_id), report.to_json()):  # 3
            return report, True
        report = self._read(month, run_id)
        if report is None:
            raise Transient(f"{report_name(month, run_id)} was written, and is not there: run it again")
        return report, False

    def _begin(self, month: Period, own: Begun) -> Begun:
        """The run that is under way now: this job's own, or another that was begun before."""
        name, content = f"{REPORTS}{month}/run.json", msgspec.json.encode(own)
        for _ in range(_ATTEMPTS):
            version = self._store.read(name)
            if version is None:
                if self._store.add(name, content):
                    return own
                continue
            begun = _decoded(version, Begun, name)
            is_alike = begun.allow_incomplete == own.allow_incomplete
            if begun.run_id == own.run_id or (is_alike and self._is_under_way(month, begun)):
                return begun
            if self._store.replace(name, content, version.tag):
                return own
        raise Transient(f"others begin runs of {month} all the time: run it again")

    def _is_under_way(self, month: Period, begun: Begun) -> bool:
        if self._clock() - begun.begun_at >= AT_ONCE:
            return False
        report, latest = self._read(month, begun.run_id), self._latest(month)
        return report is None or latest is None or _age(latest[0]) < _age(latest_of(report))

    def _point(self, wanted: Latest) -> None:
        name, content = latest_name(wanted.month), msgspec.json.encode(wanted)
        for _ in range(_ATTEMPTS):
            found = self._latest(wanted.month)
            if found is None:
                if self._store.add(name, content):
                    return
                continue
            latest, tag = found
            if _age(latest) >= _age(wanted) or self._store.replace(name, content, tag):
                return
        raise Transient(f"others write {name} all the time: run it again")

    def _latest(self, month: Period) -> tuple[Latest, str] | None:
        name = latest_name(month)
        version = self._store.read(name)
        return None if version is None else (_decoded(version, Latest, name), version.tag)

    def _read(self, month: Period, run_id: str) -> Report | None:
        name = report_name(month, run_id)
        version = self._store.read(name)
        return None if version is None else read_report(version.content, name)


def folder_of(month: Period, run_id: str) -> str:
    """The folder of a run."""
    return f"{REPORTS}{month}/{run_id}/"


def report_name(month: Period, run_id: str) -> str:
    """The object with the report of a run."""
    return f"{folder_of(month, run_id)}report.json"


def comparison_name(month: Period, run_id: str) -> str:
    """The object with the report of a run as it was before anything was looked into."""
    return f"{folder_of(month, run_id)}comparison.json"


def latest_name(month: Period) -> str:
    """The object that points to the newest report of a month."""
    return f"{REPORTS}{month}/latest.json"


def latest_of(report: Report) -> Latest:
    """What points to a report."""
    folder, (conclusion, sentence) = folder_of(report.month, report.run_id), verdict(report)
    return Latest(
        month=report.month,
        run_id=report.run_id,
        finished_at=report.finished_at,
        verdict=conclusion.value,
        sentence=sentence,
        agrees=report.agrees,
        is_complete=report.is_complete,
        report=report_name(report.month, report.run_id),
        differences=f"{folder}differences.csv",
        page=f"{folder}report.html",
    )


def _age(latest: Latest) -> tuple[datetime, str]:
    """What is greater is newer; of two that were finished at once, one is."""
    return latest.finished_at, latest.run_id


def _decoded(version: Stored, kind: type[Document], name: str) -> Document:
    try:
        return msgspec.json.decode(version.content, type=kind)
    except msgspec.DecodeError as error:
        raise Misconfigured([f"{name} is not what the meter writes ({error}): remove it"]) from error
