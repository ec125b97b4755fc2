"""A played month that is repaired, closed, invoiced and verified as the commands do it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from adapters.dynamodb.chain_head import DynamoDBChainHead
from adapters.s3.bucket import Bucket
from adapters.s3.invoices import S3Invoices
from adapters.s3.month_states import S3Closings
from metering.errors import MeterError
from metering.period import Period
from metering.proof.correction import Fate
from metering.proof.month_state import State
from reconciliation.billing_chain import BillingChain
from reconciliation.closing import Closer, SealedMonths
from reconciliation.invoices.issue import Invoicing
from reconciliation.invoices.ports import Sealed
from reconciliation.invoices.proven_usage import ProvenUsages
from reconciliation.model.report import Report
from reconciliation.reconcile import Reconciler
from reconciliation.repair.trust import scope_of
from reconciliation.verification import Verifier
from reconciliation.wiring import make_chain
from tests.metering.prices.builders import flat, tariff, version
from tests.reconciliation.chain_stores import forget_billing
from tests.reconciliation.damage.played_month import DAY, LAST_DAY, PlayedMonth
from tests.reconciliation.month_end import AFTER, Deployment
from tests.reconciliation.repair.repairing import repairer, run

KEY: Final = "r0"
KEYS: Final = {KEY: [DAY, LAST_DAY], f"{KEY}.b": [DAY]}
OCTOBER, NOVEMBER = Period("2026-10"), Period("2026-11")
DECEMBER: Final = datetime(2026, 12, 24, tzinfo=UTC)
TARIFF: Final = tariff({"pro": [version(flat())]}, {"acme": {"keys": list(KEYS), "plan": "pro"}})


class BilledMonth:
    """October, as it was played at first; an attack is made, and whoever bills goes on."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.played = PlayedMonth(deployment, KEYS)
        self.bucket = Bucket(deployment.s3, deployment.settings.lake_bucket)
        self._sources = deployment.sources
        self.close()
        self.invoice(OCTOBER)
        self._objects: Mapping[str, bytes] = {
            one.name: self.bucket.content(one.name)
            for prefix in ("closing/", "invoices/", "billing-chain/")
            for one in self.bucket.objects(prefix)
        }
        self._head = self._chain.read().head

    def restore(self, *, is_billed: bool, has_log: bool) -> None:
        """As it was before it was closed, or after it was invoiced."""
        self.deployment.sources = self._sources if has_log else self._sources._replace(log=None)
        self.played.restore()
        forget_billing(self.deployment.cloud)
        if is_billed:
            for name, content in self._objects.items():
                self.bucket.put(name, content)
            DynamoDBChainHead(self.deployment.dynamodb, self.played.table).keep(self._head)

    @property
    def _chain(self) -> BillingChain:
        clients = {"s3": self.deployment.s3, "dynamodb": self.deployment.dynamodb}
        return make_chain(self.deployment.settings, lambda name, **_config: clients[name], "ops")

    @property
    def _closings(self) -> S3Closings:
        return S3Closings(self.deployment.s3, self.deployment.settings.lake_bucket)

    def repair(self, report: Report) -> bool:
        """`reconcile --repair`: whether a counter was written."""
        scope = scope_of(report, "differs", "")._replace(report=run())
        prepared = repairer(self.deployment).prepare(scope)
        done = prepared.carry_out(prepared.plans()).done
        return any(one.fate is Fate.WRITTEN for one in done)

    def close(self) -> None:
        """Seal October."""
        Closer(
            self._closings,
            self.deployment.sources.queries,
            lambda *_: self.deployment.reconcile(),
            lambda: AFTER,
            "ops",
            chain=self._chain,
        ).close(OCTOBER, run_id=run())

    def invoice(self, month: Period) -> None:
        """Issue a month's invoices, of October's usage as it was sealed."""
        months = SealedMonths(self._closings, self.deployment.sources.queries, self._chain)

        def sealed(of: Period) -> Sealed | None:
            closing = months.closing(of)
            if closing is None or closing.state is not State.SEALED:
                return None
            return Sealed(months.sealed_usage(of), closing.report)

        reconciler = Reconciler(self.deployment.sources, lambda: DECEMBER)
        proofs = ProvenUsages(reconciler, "s3://lake/", run(), sealed)
        shelf = S3Invoices(self.deployment.s3, self.deployment.settings.lake_bucket)
        Invoicing(proofs, shelf, chain=self._chain).invoice(month, TARIFF)

    def verify(self) -> list[str]:
        """The faults that a verification finds."""
        return list(Verifier(self._chain, self.deployment.sources.queries, run()).verify(()).faults)

    def change(self, name: str, **values: Any) -> None:
        """Change fields of a JSON object."""
        self.bucket.put(name, json.dumps({**json.loads(self.bucket.content(name)), **values}).encode())


def causes_of(report: Report) -> str:
    """What a comparison gives as causes, by the alphabet."""
    return ", ".join(sorted({one.cause.value for one in report.findings})) or "nothing"


def refusal_of(act: Callable[[], object]) -> str:
    """What an act says when it is refused; empty: it is done."""
    try:
        act()
    except MeterError as refused:
        return str(refused)
    return ""
