"""The meters whose usage is invoiced: the stack that issues the invoices, and those that its tariff adds."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from adapters.s3.lake_folders import first_month
from cli.common.bootstrap import Target, target
from metering.period import Period
from metering.prices.terms.meters import FurtherMeter
from metering.proof.month_state import State
from reconciliation.closing import SealedMonths
from reconciliation.invoices.ports import CannotInvoice, Sealed, Usages
from reconciliation.invoices.proven_usage import ProvenUsages
from reconciliation.invoices.several_meters import SeveralMeters
from reconciliation.ports import OnProgress
from reconciliation.reconcile import Reconciler
from reconciliation.wiring import lake_location, make_chain, make_closings, make_lake, make_sources, utc_now


class Meters:
    """All meters of a tariff, each by its name."""

    def __init__(
        self,
        own: Target,
        name: str,
        further: Sequence[FurtherMeter],
        on_progress: OnProgress,
        *,
        allow_incomplete: bool,
    ) -> None:
        self._own = own
        self._name = name
        self._further = further
        self._on_progress = on_progress
        self._allow_incomplete = allow_incomplete
        self._found = {name: own}

    def usages(self) -> Usages:
        """The usage of all of them.

        Raises:
            CannotInvoice: a further meter has the name of the stack that issues the invoices.
        """
        own = self._proven(self._own)
        if not self._further:
            return own
        if self._name in {meter.name for meter in self._further}:
            raise CannotInvoice(
                f"a meter of the tariff has the name {self._name}, which is the stack that issues the "
                "invoices: give "
                "it another name"
            )
        return SeveralMeters(self._name, own, self._further, lambda meter: self._proven(self._target(meter)))

    def first_month(self) -> Period | None:
        """The first month in which any of them has calls."""
        targets = [self._own, *map(self._target, self._further)]
        months = [first_month(make_lake(one.deployment.reconciliation, one.client)) for one in targets]
        return min((month for month in months if month is not None), default=None)

    def _target(self, meter: FurtherMeter) -> Target:
        """The way to a further meter.

        Raises:
            CannotInvoice: it is another one by a second name, or reads what another one reads.
        """
        if meter.name not in self._found:
            there = target(meter.stack, meter.region, meter.role)
            for name, known in self._found.items():
                if shared := _log_groups(there) & _log_groups(known):
                    raise CannotInvoice(
                        f"meters {name} and {meter.name} both read log group {min(shared)}: its calls would "
                        "be billed twice"
                    )
            self._found[meter.name] = there
        return self._found[meter.name]

    def _proven(self, where: Target) -> ProvenUsages:
        settings = where.deployment.reconciliation
        sources = make_sources(settings, where.client)
        chain = make_chain(settings, where.client)
        months = SealedMonths(make_closings(settings, where.client), sources.queries, chain)

        def sealed_usage(month: Period) -> Sealed | None:
            closing = months.closing(month)
            if closing is None or closing.state is not State.SEALED:
                return None
            usage = months.sealed_usage(month)
            return Sealed(usage, closing.report, bool(closing.accepted), closing.usage_version)

        reconciler = Reconciler(sources, utc_now, self._on_progress, allow_incomplete=self._allow_incomplete)
        return ProvenUsages(reconciler, lake_location(settings), str(uuid.uuid4()), sealed_usage)


def _log_groups(where: Target) -> set[str]:
    """What a stack reads, with its region and AWS account."""
    place = ":".join(where.deployment.stack_id.split(":")[3:5])
    return {f"{place}:{group}" for group in where.deployment.reconciliation.log_groups}
