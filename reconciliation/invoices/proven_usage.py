"""The usage that months are invoiced by, each compared with the counters."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

from metering.period import Period, begins_at, ends_at
from metering.prices.canonical import canonical_json
from metering.prices.documents import SourceDocument
from metering.prices.statement import KeyUsage, MonthUsage
from metering.usage import Usage
from reconciliation.invoices.ports import Proven, SealedUsage
from reconciliation.lake.queries import USAGE_BY_KEY_AND_DAY, VERSION_OF_USAGE, between, usage_text
from reconciliation.model.report import Report
from reconciliation.reconcile import Reconciler
from reconciliation.report.verdict import counted


class ProvenUsages:
    """The usage of months, each compared with the counters."""

    def __init__(
        self,
        reconciler: Reconciler,
        lake: str,
        run_id: str,
        sealed_usage: SealedUsage = lambda _month: None,
    ) -> None:
        """`lake` is the location of the Parquet files. `run_id` names the queries: one run asks for each
        once.
        """
        self._reconciler = reconciler
        self._lake = lake
        self._run_id = run_id
        self._sealed_usage = sealed_usage

    def billed(self, month: Period) -> Proven:
        """What a month is invoiced by: its usage as sealed, or, while it is open, as the lake has it.

        Raises:
            MeterError: something could not be read.
        """
        sealed = self._sealed_usage(month)
        if sealed is None:
            return self.known(month)
        return self._proven(month, sealed.usage, sealed.report, sealed.version)

    def known(self, month: Period) -> Proven:
        """All usage of a month that the lake has by now, and what the reconciliation has against it. What was
        accepted when the month was sealed is no longer against it.

        Raises:
            MeterError: something could not be read.
        """
        report, usage = self._reconciler.reconciled(month, run_id=self._run_id)
        sealed = self._sealed_usage(month)
        gaps = report.source_gaps if sealed is None else []
        missing = tuple(f"{month}: {reason}" for reason in (*report.missing, *gaps))
        if report.compared_until is not None:
            until = f"{month}: it is complete until {report.compared_until:%Y-%m-%d}, and invoiced as a whole"
            return self._proven(month, {}, None)._replace(missing=missing or (until,))
        found = usage()
        proven = self._proven(month, found, sealed.report if sealed else None)
        if sealed is not None and sealed.usage and not found:
            return proven._replace(is_gone=True)
        if sealed is not None and sealed.is_accepted and not report.unreadable:
            return proven
        return proven._replace(differing=tuple(_differing(report)), missing=missing)

    def _proven(
        self,
        month: Period,
        usage: Mapping[str, Usage],
        report: str | None,
        version: int = VERSION_OF_USAGE,
    ) -> Proven:
        source = source_of(month, self._lake, report, version)
        keys = tuple(KeyUsage.of(key, usage[key]) for key in sorted(usage))
        return Proven(MonthUsage(month, keys, source["query"]), source)


def source_of(
    month: Period, lake: str, report: str | None, version: int = VERSION_OF_USAGE
) -> SourceDocument:
    """Where the usage of a month comes from. The reference of the query is a hash of text and parameters;
    `version` is that of the text.
    """
    sql = usage_text(version)
    parameters = list(between(begins_at(month), ends_at(month)))
    digest = hashlib.sha256(canonical_json([sql, parameters])).hexdigest()
    return {
        "month": month,
        "query": f"{USAGE_BY_KEY_AND_DAY}-{digest[:16]}",
        "sql": sql,
        "parameters": parameters,
        "lake": lake,
        "report": report,
    }


def _differing(report: Report) -> Iterator[str]:
    if not report.agrees:
        places = counted(report.places + report.altered_rows, "place")
        yield f"{report.month}: the counters and the lake differ in {places}"
