"""One run of `usage-meter tariff check`."""

from __future__ import annotations

from pathlib import Path

import typer
from rich.text import Text

from cli.billing.tariff_file import read_tariff_file
from cli.common.errors import PROBLEM
from cli.common.output import write_json
from cli.common.terminal import console, table
from metering.prices.tariff import Account, Tariff
from metering.prices.tariff_file import InvalidTariff


def run(file: Path, json: Path | None) -> None:
    """Tell what a tariff has, or every fault.

    Raises:
        typer.Exit: with 1, if there are faults.
    """
    screen = console()
    try:
        tariff = read_tariff_file(file)
    except InvalidTariff as invalid:
        write_json(json, {"valid": False, "faults": list(invalid.faults)})
        screen.print(Text(f"PROBLEM: {len(invalid.faults)} faults in {file}", "bold red"), soft_wrap=True)
        for fault in invalid.faults:
            screen.print(f"  {fault}", markup=False, soft_wrap=True)
        raise typer.Exit(PROBLEM) from None
    write_json(json, {"valid": True, "faults": [], **_document(tariff)})
    plans = table("plan", "version", "from", "until", "currency", "prices", "digest")
    for versions in tariff.plans.values():
        for one in versions:
            prices = ", ".join(f"{price.id} ({price.model})" for price in one.prices)
            until = one.valid_until or "further notice"
            plans.add_row(one.plan, one.version, one.valid_from, until, one.currency, prices, one.digest)
    screen.print(plans)
    screen.print()
    accounts = table("account", "keys", "plan")
    for account in tariff.accounts.values():
        accounts.add_row(account.id, ", ".join(account.keys), _plans(account))
    screen.print(accounts)
    others = f"by plan {tariff.default_plan}" if tariff.default_plan else "by nobody: they will be listed"
    screen.print(f"\nKeys of no account are paid {others}.", markup=False)
    screen.print(Text("The tariff can be used.", "bold green"))


def _plans(account: Account) -> str:
    first, *later = account.plans
    return ", ".join([first.plan, *(f"{one.plan} from {one.valid_from}" for one in later)])


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
        "default_plan": tariff.default_plan,
    }
