"""`usage-meter tariff check`."""

import json
from pathlib import Path

from typer.testing import CliRunner, Result

from cli.main import app

EXAMPLE = Path(__file__).resolve().parents[3] / "docs" / "examples" / "tariff.yaml"


def check(*arguments: object) -> Result:
    """The command as it is typed."""
    return CliRunner().invoke(app, ["tariff", "check", *map(str, arguments)], catch_exceptions=False)


def test_the_example(tmp_path: Path) -> None:
    """Plans with their versions, accounts with their keys, and what becomes of other keys are reported."""
    shown = check(EXAMPLE, "--out", tmp_path / "j")
    document = json.loads((tmp_path / "j").read_text())
    rows = [row.split() for row in shown.stdout.splitlines()]

    assert 0 == shown.exit_code
    assert ["team", "2026-01", "2026-01", "2026-10", "EUR", "billable", "(flat)"] in [row[:7] for row in rows]
    assert ["initech", "k1l2m3n4o5", "team,", "business", "from", "2026-11"] in rows
    assert "Keys without an account are billed by plan pay-as-you-go." in shown.stdout
    assert 1 == shown.stdout.count("Calls without a known size cost nothing by it")
    assert "price traffic is on response_bytes." in shown.stdout
    assert (True, ["1234567890"]) == (document["valid"], document["accounts"]["globex"])


def test_faults(tmp_path: Path) -> None:
    """Every fault is reported with its place, and the exit code says that there are some."""
    file = tmp_path / "tariff.yaml"
    file.write_text(
        EXAMPLE.read_text().replace("plan: team", "plan: tame").replace("digits: 2", "digits: 99")
    )
    shown = check(file, "--out", tmp_path / "j")
    document = json.loads((tmp_path / "j").read_text())

    assert 1 == shown.exit_code
    assert "rounding: digits 99 is above 12" in shown.stdout
    assert "account acme: plan 'tame' is not a plan of this tariff" in shown.stdout
    assert (False, 3) == (document["valid"], len(document["faults"]))
