"""`usage-meter invoice` of two stacks, each in a cloud of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner, Result

from adapters.deployment import Deployment as Described
from cli.billing import meters
from cli.common.bootstrap import Target
from cli.common.bootstrap import target as usual_target
from cli.common.errors import CommandError
from cli.main import app
from reconciliation.reconcile import Sources
from reconciliation.wiring import make_sources
from tests.reconciliation.month_end import Deployment, call, running

TARIFF = """
currency: EUR
rounding: {digits: 2, mode: half_even}
plans:
  pro: [{version: v1, valid_from: 2026-01, prices: [{metric: billable, model: flat, unit_price: 0.10}]}]
accounts:
  acme: {keys: [a, b], plan: pro}
meters:
  eu: {stack: usage-meter-eu, region: eu-west-1, role: "arn:aws:iam::210987654321:role/invoices"}
"""


@pytest.fixture(scope="module")
def clouds() -> Iterator[tuple[Deployment, Deployment]]:
    """Two of them, with October's calls: three of key a here, two of key a and one of key b there."""
    first, second = running(), running()
    here, there = next(first), next(second)
    here.both([call(f"h{number}", "2026-10-05T10:00:00", "a") for number in range(3)])
    there.both([call(f"t{number}", "2026-10-06T10:00:00", "ab"[number // 2]) for number in range(3)])
    here.cloud.publish()
    there.cloud.publish()
    yield here, there
    for one in (first, second):
        next(one, None)


@pytest.fixture
def typed(
    clouds: tuple[Deployment, Deployment],
    monkeypatch: pytest.MonkeyPatch,
    own_environment: None,  # noqa: ARG001 - it comes first
    tmp_path: Path,
) -> list[str]:
    """The command finds the first cloud by the usual settings, and the second where a role leads to."""
    here, there = clouds
    for name, value in here.cloud.endpoint.environment.items():
        monkeypatch.setenv(name, value)

    def vouched(*arguments: Any) -> Sources:
        return make_sources(*arguments)._replace(counted=None, delivered=None)

    def target(stack: str, region: str | None, role: str | None) -> Target:
        assert ("eu-west-1", "arn:aws:iam::210987654321:role/invoices") == (region, role)
        client = there.cloud.client("cloudformation")
        return _Elsewhere(Described.of_stack(client, usual_name(stack)), there)

    monkeypatch.setattr(meters, "make_sources", vouched)
    monkeypatch.setattr(meters, "target", target)
    (tmp_path / "tariff.yaml").write_text(TARIFF)
    return ["invoice", "2026-10", "--tariff", str(tmp_path / "tariff.yaml"), "--yes"]


def usual_name(stack: str) -> str:
    """What a local cloud calls its stack, whatever the tariff does."""
    return stack.removesuffix("-eu")


class _Elsewhere(Target):
    """A stack whose services are those of another cloud."""

    def __init__(self, described: Described, there: Deployment) -> None:
        super().__init__(described, boto3.session.Session())
        object.__setattr__(self, "_cloud", there.cloud)

    def client(self, service: str, **options: Any) -> Any:
        return self._cloud.client(service, **options)  # type: ignore[attr-defined]


def invoke(typed: list[str]) -> Result:
    """The command as it is typed."""
    return CliRunner().invoke(app, typed, catch_exceptions=False)


@pytest.mark.exhaustive
def test_one_invoice_of_two_stacks(
    typed: list[str], tmp_path: Path, clouds: tuple[Deployment, Deployment]
) -> None:
    """The proven months of both are added; a counter that was changed in one holds them back by its name."""
    there = clouds[1]
    there.edit("a", "2026-10", requests=1)
    with pytest.raises(CommandError, match=r"meter eu: 2026-10: the counters and the lake differ in"):
        invoke(typed)
    there.edit("a", "2026-10", requests=-1)
    assert 0 == invoke([*typed, "--out", str(tmp_path)]).exit_code
    document = json.loads((tmp_path / "2026-10" / "acme" / "invoice.json").read_text())
    assert "0.60" == document["total"]
    sources = document["sources"]
    assert ["usage-meter", "eu"] == [one["meter"] for one in sources]
    assert document["fingerprint"] == str(sum(int(one["fingerprint"]) for one in sources))


def test_the_same_stack_by_two_names(typed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A log group that two meters read is named: its calls would be billed twice."""
    monkeypatch.setattr(meters, "target", lambda stack, _region, _role: usual_target(usual_name(stack)))
    with pytest.raises(CommandError, match=r"usage-meter and eu both read log group .* billed twice"):
        invoke(typed)
