"""One run of a `usage-meter tariff` command."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import typer

from adapters.s3.bucket import Bucket
from adapters.s3.tariffs import S3Tariffs
from cli.billing.invoice_session import readable_tariff
from cli.billing.tariff_file import read_tariff_file
from cli.common.bootstrap import target
from cli.common.errors import PROBLEM
from cli.common.output import Output
from cli.common.terminal import Text, table
from cli.common.yaml_file import read_yaml
from metering.prices.tariff import Account, AccountPlan, Tariff
from metering.prices.tariff_file import InvalidTariff
from metering.prices.terms.validity import ALWAYS, Validity
from metering.usage import Metric
from reconciliation.report.verdict import counted


def run(file: Path, out: Output) -> None:
    """Show what a tariff holds, or every fault in it.

    Raises:
        typer.Exit: with 1, if there are faults.
    """
    screen = out.picture()
    try:
        tariff = read_tariff_file(file)
    except InvalidTariff as invalid:
        out.write({"valid": False, "faults": list(invalid.faults)})
        screen.print(
            Text(f"PROBLEM: {counted(len(invalid.faults), 'fault')} in {file}", "bold red"), soft_wrap=True
        )
        for fault in invalid.faults:
            screen.print(f"  {fault}", markup=False, soft_wrap=True)
        raise typer.Exit(PROBLEM) from None
    out.write({"valid": True, "faults": [], **_document(tariff)})
    plans = table("plan", "version", "from", "until", "currency", "prices", "digest")
    for versions in tariff.plans.values():
        for one in versions:
            prices = ", ".join(f"{price.id} ({price.model})" for price in one.prices)
            until = one.valid_until or "open"
            plans.add_row(one.plan, one.version, one.valid_from, until, one.currency, prices, one.digest)
    screen.print(plans)
    screen.print()
    accounts = table("account", "keys", "plan")
    for account in tariff.accounts.values():
        accounts.add_row(account.id + _time(account.validity), _keys(account), _plans_in_time(account.plans))
    screen.print(accounts)
    by_default = _plans_in_time(tariff.default_plans)
    others = f"by plan {by_default}" if by_default else "by nobody: invoices list them"
    screen.print(f"\nKeys without an account are billed {others}.", markup=False)
    for sentence in _on_bytes(tariff):
        screen.print(sentence, markup=False, soft_wrap=True)
    screen.print(Text("The tariff is valid.", "bold green"))


def publish(file: Path, stack: str, out: Output) -> None:
    """Put a tariff in force.

    Raises:
        CommandError: it cannot be used; every fault is named.
        MeterError: it cannot be written.
    """
    readable_tariff(file)
    where = target(stack)
    bucket = Bucket(where.client("s3"), where.deployment.reconciliation.lake_bucket)
    published, is_new = S3Tariffs(bucket).publish(read_yaml(file).value)
    out.write({"number": published.number, "is_new": is_new})
    state = "is now in force" if is_new else "was already in force"
    out.screen().print(f"Tariff {published.number} {state}.", markup=False)


def _on_bytes(tariff: Tariff) -> Iterator[str]:
    """What a price on bytes does not bill. API Gateway knows no size of a request by itself."""
    for versions in tariff.plans.values():
        for one in versions:
            for price in one.prices:
                if price.metric in (Metric.REQUEST_BYTES, Metric.RESPONSE_BYTES):
                    yield (
                        f"{one.plan} {one.version}: price {price.id} is on {price.metric}. Calls without a "
                        "known size cost nothing by it: `usage-meter explain KEY` says how many a key has."
                    )


def _keys(account: Account) -> str:
    return ", ".join(f"{one.key}{_time(one.validity)}" for one in account.holdings)


def _plans_in_time(plans: Sequence[AccountPlan]) -> str:
    """Each with its beginning, where it is not the first, and its end, where no other follows."""
    first, *later = [one.plan for one in plans[:1]] or [""], *plans[1:]
    texts = [*first, *(f"{one.plan} from {one.validity.start}" for one in later)]
    end = plans[-1].validity.end if plans else None
    return ", ".join(texts) + (f" until {end}" if end else "")


def _time(validity: Validity) -> str:
    start = f" from {validity.start}" if validity.start != ALWAYS else ""
    return start + (f" until {validity.end}" if validity.end else "")


def _document(tariff: Tariff) -> dict[str, object]:
    versions = [one for plan in tariff.plans.values() for one in plan]
    return {
        "versions": [
            {
                "plan": one.plan,
                "version": one.version,
                "valid_from": one.valid_from,
                "valid_until": one.valid_until,
                "digest": one.digest,
            }
            for one in versions
        ],
        "accounts": {name: list(account.keys) for name, account in tariff.accounts.items()},
        "default_plan": [
            {"plan": one.plan, "valid_from": one.validity.start, "valid_until": one.validity.end}
            for one in tariff.default_plans
        ],
    }
