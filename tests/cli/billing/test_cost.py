"""`usage-meter tariff publish` and `usage-meter cost` against a local cloud."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from adapters.dynamodb.counters import DynamoDBCounters
from adapters.dynamodb.hot_path.conditional_writes import ConditionalUpdates
from cli.common.errors import CommandError
from cli.main import app
from local_cloud.stack import LocalCloud
from metering.counters.ports import Increment
from metering.period import day_of, hour_at, month_of
from metering.usage import Usage

TARIFF = """
currency: EUR
rounding: {digits: 2, mode: half_even}
plans:
  pro: [{version: v1, valid_from: 2026-01, prices: [{metric: requests, model: flat, unit_price: 0.10}]}]
accounts:
  acme: {keys: [shop, idle], plan: pro}
  globex: {keys: [app], plan: pro}
"""


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    """A cloud whose counters hold calls of this month: of two accounts and a key of nobody."""
    with LocalCloud() as running:
        running.publish()
        for key, requests in (("shop", 21), ("app", 4), ("stray", 2), ("-", 3)):
            count(running, key, requests)
        yield running


def count(cloud: LocalCloud, key: str, requests: int) -> None:
    """Calls of a key in this hour."""
    hour = hour_at(int(datetime.now(UTC).timestamp() * 1000))
    counters = DynamoDBCounters(
        cloud.stack.name("CountersTable"), ConditionalUpdates(cloud.client("dynamodb"), 1)
    )
    periods = ((month_of(hour), hour[8:10]), (day_of(hour), hour[11:]))
    counters.add(
        [
            Increment(key, period, 0, "shardId-000000000000", 1, 1, Usage(requests), {part: requests})
            for period, part in periods
        ]
    )


@pytest.fixture(autouse=True)
def address(
    cloud: LocalCloud,
    monkeypatch: pytest.MonkeyPatch,
    own_environment: None,  # noqa: ARG001 - it comes first
) -> None:
    """The command finds the cloud by the usual settings, in which no tariff is in force."""
    for name, value in cloud.endpoint.environment.items():
        monkeypatch.setenv(name, value)
    s3, bucket = cloud.client("s3"), cloud.stack.name("LakeBucket")
    for entry in s3.list_objects_v2(Bucket=bucket, Prefix="tariffs/").get("Contents", []):
        s3.delete_object(Bucket=bucket, Key=entry["Key"])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A tariff of two accounts."""
    path = tmp_path / "tariff.yaml"
    path.write_text(TARIFF)
    return path


def invoke(*arguments: object) -> Result:
    """The command as it is typed."""
    return CliRunner().invoke(app, [*map(str, arguments)], catch_exceptions=False)


def written(path: Path) -> dict[str, Any]:
    """What a command wrote as JSON."""
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_cost_by_the_published_tariff(file: Path, tmp_path: Path) -> None:
    """All accounts by line, to date and at this pace, marked as not proven; what has no price is named, and a
    problem.
    """
    assert "Tariff 1 is now in force." in invoke("tariff", "publish", file).stdout
    assert "Tariff 1 was already in force." in invoke("tariff", "publish", file).stdout
    shown = invoke("cost", "--out", tmp_path / "cost.json")
    document = written(tmp_path / "cost.json")

    assert 1 == shown.exit_code
    assert "Not proven: figures are from the counters." in shown.stdout
    assert "Without a price: " in shown.stdout
    assert "key stray has no account" in shown.stdout
    assert [("acme", "2.10", "EUR"), ("globex", "0.40", "EUR")] == [
        (one["account"], one["to_date"], one["currency"]) for one in document["accounts"]
    ]
    assert all(Decimal(one["projected"]) >= Decimal(one["to_date"]) for one in document["accounts"])
    assert ("requests", 21) == tuple(
        document["accounts"][0]["lines"][0][name] for name in ("line", "quantity")
    )
    assert not document["proven"]


def test_cost_of_one_account(file: Path, tmp_path: Path) -> None:
    """By a file in place of the tariff in force; the keys of others are not read, and no problem."""
    shown = invoke("cost", "globex", "--tariff", file, "--out", tmp_path / "cost.json")
    assert (0, ["globex"]) == (
        shown.exit_code,
        [one["account"] for one in written(tmp_path / "cost.json")["accounts"]],
    )
    file.write_text(TARIFF + "default_plan: pro\n")
    shown = invoke("cost", "key:stray", "--tariff", file, "--out", tmp_path / "cost.json")
    assert (0, "0.20") == (shown.exit_code, written(tmp_path / "cost.json")["accounts"][0]["to_date"])


def test_what_cannot_be_shown(file: Path) -> None:
    """No tariff in force, no such account, a tariff with faults: each says what to do."""
    with pytest.raises(
        CommandError, match="No tariff is in force: publish one with `usage-meter tariff publish"
    ):
        invoke("cost")
    with pytest.raises(
        CommandError, match=r"nobody has no cost in .*: the tariff has acme, globex\. The key 'nobody' is not"
    ):
        invoke("cost", "nobody", "--tariff", file)
    file.write_text(TARIFF.replace("EUR", "euro"))
    with pytest.raises(CommandError, match="line 2, column 11: currency: 'euro' is not a currency"):
        invoke("tariff", "publish", file)
