"""`usage-meter plan` and `usage-meter quota` against a local cloud."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from typer.testing import CliRunner, Result

from adapters.deployment import Deployment
from adapters.dynamodb.counters import DynamoDBCounters
from adapters.dynamodb.hot_path.conditional_writes import ConditionalUpdates
from adapters.dynamodb.plans import PlanBook
from cli.common.errors import CommandError
from cli.main import app
from local_cloud.stack import LocalCloud
from metering.counters.ports import Increment
from metering.errors import Misconfigured
from metering.period import day_of, hour_at, month_of
from metering.quotas.key_digest import digest_of
from metering.quotas.plan import Assignment, KeyStatus, Limit, Plan, Span
from metering.usage import Metric, Usage

NOW = int(datetime(2026, 11, 24, 19, 59, 59, tzinfo=UTC).timestamp())
FILE = """
plans:
  free:
    limits:
      - {metric: requests, period: month, amount: 10000}
      - {metric: requests, period: hour, amount: 100, mode: reserved}
keys:
  a1: {plan: free, account: acme}
"""


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    """A cloud with the stack in it."""
    with LocalCloud() as running:
        running.publish()
        yield running


@pytest.fixture(autouse=True)
def book(
    cloud: LocalCloud,
    monkeypatch: pytest.MonkeyPatch,
    own_environment: None,  # noqa: ARG001 - it comes first
) -> PlanBook:
    """Empty tables, which the command finds by the usual settings."""
    for name, value in cloud.endpoint.environment.items():
        monkeypatch.setenv(name, value)
    cloud.create_tables()
    return PlanBook(cloud.stack.name("CountersTable"), cloud.client("dynamodb"))


def _assigned(book: PlanBook, key: str) -> Assignment:
    assignment = book.assignment(key)
    assert assignment is not None
    return assignment


def _plans_of(book: PlanBook, *accounts: str) -> list[Assignment | None]:
    found = [book.account(name) for name in accounts]
    return [one.assignment if one else None for one in found]


def invoke(*arguments: str, typed: str | None = None) -> Result:
    """The command as it is typed."""
    return CliRunner().invoke(app, arguments, input=typed, catch_exceptions=False)


def count(cloud: LocalCloud, key: str, requests: int, **more: int) -> None:
    """Calls of a key in the hour of `NOW`."""
    hour, usage = hour_at(NOW * 1000), Usage(requests, **more)
    counters = DynamoDBCounters(
        cloud.stack.name("CountersTable"), ConditionalUpdates(cloud.client("dynamodb"), 1)
    )
    counters.add(
        [
            Increment(key, period, 0, "shardId-000000000000", 1, 1, usage, {part: requests})
            for period, part in ((month_of(hour), hour[8:10]), (day_of(hour), hour[11:]))
        ]
    )


@pytest.fixture
def file(tmp_path: Path) -> str:
    """A file with a plan and a key."""
    path = tmp_path / "plans.yaml"
    path.write_text(FILE)
    return str(path)


class TestApply:
    def test_once(self, book: PlanBook, file: str) -> None:
        """Plans and keys are as the file has them; the second time nothing changes."""
        shown = invoke("plan", "apply", "-f", file)
        assert (0, "Changed: 1 plan, 1 key.") == (shown.exit_code, shown.stdout.splitlines()[-1])
        assert ["requests/month", "requests/hour"] == [limit.name for limit in book.plans()["free"].limits]
        assert "acme" == getattr(book.assignment("a1"), "account", None)
        assert "Nothing to change." == invoke("plan", "apply", "-f", file).stdout.strip()

    def test_dry_run(self, book: PlanBook, file: str, tmp_path: Path) -> None:
        """It says what would change, and changes nothing."""
        out = tmp_path / "out.json"
        shown = invoke("plan", "apply", "-f", file, "--dry-run", "--out", str(out))
        assert [
            "plan free: new",
            "  + requests/hour 100 hard, reserved from 80 %, alerts at 50+80+100 %",
            "  + requests/month 10,000 hard, alerts at 50+80+100 %",
            "key a1: plan free, account acme",
            "Nothing was changed: this was a dry run.",
        ] == shown.stdout.splitlines()
        assert {} == book.plans()
        assert (True, 4) == (
            json.loads(out.read_text())["dry_run"],
            len(json.loads(out.read_text())["changes"]),
        )

    def test_faults(self, book: PlanBook, tmp_path: Path) -> None:
        """A file that cannot be used changes nothing, and every fault of it is named."""
        path = tmp_path / "wrong.yaml"
        path.write_text(FILE.replace("month", "year").replace("plan: free", "plan: pro"))
        with pytest.raises(Misconfigured) as shown:
            invoke("plan", "apply", "-f", str(path))
        assert 2 == len(shown.value.faults)
        assert {} == book.plans()

    def test_no_yaml(self, tmp_path: Path) -> None:
        """What is no YAML is wrong use."""
        path = tmp_path / "wrong.yaml"
        path.write_text("plans: [")
        with pytest.raises(Exception, match=r"wrong\.yaml, line 2, column 1: no YAML: "):
            invoke("plan", "apply", "-f", str(path))


class TestPlan:
    def test_create(self, book: PlanBook) -> None:
        """From flags, with everything that a limit can say."""
        shown = invoke(
            *("plan", "create", "free", "--limit", "requests/month=10_000,kind=soft,thresholds=80+100"),
            *("--limit", "requests/hour=100,mode=reserved,reserve_from=90"),
        )
        assert 0 == shown.exit_code
        limits = book.plans()["free"].limits
        assert [("soft", (80, 100), "counted"), ("hard", (50, 80, 100), "reserved")] == [
            (limit.kind, limit.thresholds, limit.mode) for limit in limits
        ]

    def test_list_and_show(self, tmp_path: Path) -> None:
        """Plans with their limits, and all versions of one."""
        for amount in ("10", "20"):
            invoke("plan", "create", "free", "--limit", f"requests/day={amount}")
        out = tmp_path / "out.json"
        listed = invoke("plan", "list", "--out", str(out))
        assert ["free", "2", "requests/day", "20", "hard,"] == listed.stdout.splitlines()[1].split()[:5]
        assert 20 == json.loads(out.read_text())["free"]["limits"][0]["amount"]
        shown = invoke("plan", "show", "free", "--out", str(out))
        assert ["free, version 2", "free, version 1"] == shown.stdout.splitlines()[::2]
        assert [1, 2] == [version["version"] for version in json.loads(out.read_text())]

    def test_nothing(self) -> None:
        """An empty list says how to fill it; a plan that is not there is wrong use."""
        assert "There are no plans" in invoke("plan", "list").stdout
        with pytest.raises(Exception, match="There is no plan 'free'; the plans are none"):
            invoke("plan", "show", "free")

    @pytest.mark.parametrize(
        "limit", ["requests/month", "requests/month=many", "requests/day=5,thresholds=x"]
    )
    def test_no_limit(self, limit: str) -> None:
        """A flag that is no limit is wrong use, and says how to write one."""
        with pytest.raises(Exception, match="write METRIC/PERIOD=AMOUNT"):
            invoke("plan", "create", "free", "--limit", limit)


class TestImport:
    def test_import(self, cloud: LocalCloud, book: PlanBook) -> None:
        """Usage plans become plans, their keys have them, and their callers are known by digests."""
        gateway = cloud.client("apigateway")
        plan = gateway.create_usage_plan(
            name="Gold Plan",
            quota={"limit": 5000, "period": "MONTH"},
            throttle={"rateLimit": 10.0, "burstLimit": 5},
        )
        weekly = gateway.create_usage_plan(name="weekly", quota={"limit": 70, "period": "WEEK"})
        value = "zGv1cXk5x43Fa8Yr0vN2qW7tLmPd9sKe6bHjU3Ro"
        key = gateway.create_api_key(name="shop", value=value, enabled=True)
        off = gateway.create_api_key(name="old", value=value[::-1], enabled=False)
        for plan_id, key_id in ((plan["id"], key["id"]), (weekly["id"], key["id"]), (plan["id"], off["id"])):
            gateway.create_usage_plan_key(usagePlanId=plan_id, keyId=key_id, keyType="API_KEY")
        shown = invoke("plan", "import")
        assert 0 == shown.exit_code
        for note in (
            "plan gold-plan: its throttle stays with API Gateway, which paces calls",
            "plan weekly: its weeks begin on Monday here",
            f"key {key['id']}: it has plan gold-plan; plan weekly is left out",
            "Known: 2 keys, by their digests.",
        ):
            assert note in shown.stdout.splitlines()
        assert (Limit(Metric.REQUESTS, Span.MONTH, 5000),) == book.plans()["gold-plan"].limits
        assert (Limit(Metric.REQUESTS, Span.WEEK, 70),) == book.plans()["weekly"].limits
        statuses = {one.key: one.status for one in book.assignments()}
        assert {key["id"]: KeyStatus.ACTIVE, off["id"]: KeyStatus.SUSPENDED} == statuses
        items = cloud.client("dynamodb").scan(TableName=cloud.stack.name("CountersTable"))["Items"]
        assert value not in json.dumps(items)
        assert any(digest_of(value) in item["pk"]["S"] for item in items)
        assert "Nothing to change." in invoke("plan", "import").stdout


class TestQuota:
    @pytest.fixture(autouse=True)
    def plans(self, book: PlanBook) -> None:
        """Two plans."""
        monthly, hourly = Limit(Metric.REQUESTS, Span.MONTH, 1000), Limit(Metric.REQUESTS, Span.HOUR, 10)
        book.put_plan(Plan("free", (monthly, hourly)), None)
        book.put_plan(Plan("pro", (monthly,)), None)

    def test_assign(self, book: PlanBook) -> None:
        """A key gets a plan; with another plan it keeps its account, and the overrides that still fit."""
        invoke("quota", "assign", "a1", "free", "--account", "acme")
        invoke("quota", "override", "a1", "requests/month=2000", "requests/hour=20")
        shown = invoke("quota", "assign", "a1", "pro")
        assert "key a1: plan free -> pro, requests/hour 20 -> as the plan" == shown.stdout.splitlines()[0]
        assignment = book.assignment("a1")
        assert assignment is not None
        assert ("acme", {"requests/month": 2000}) == (assignment.account, assignment.overrides)
        assert assignment.since > 0

    def test_secret(self, book: PlanBook, cloud: LocalCloud) -> None:
        """The key itself is asked for, not given as an argument, and only its digest is kept."""
        secret = "s3cret-of-more-than-twenty-characters"
        shown = invoke("quota", "assign", "a1", "free", "--secret", typed=f"{secret}\n")
        assert "Callers with this key are now recognised." in shown.stdout
        assert secret not in shown.stdout
        assert book.assignment("a1") is not None
        items = cloud.client("dynamodb").scan(TableName=cloud.stack.name("CountersTable"))["Items"]
        assert secret not in json.dumps(items)
        assert any(digest_of(secret) in item["pk"]["S"] for item in items)
        with pytest.raises(Misconfigured, match="key b2: the key has 6 characters"):
            invoke("quota", "assign", "b2", "free", "--secret", typed="s3cret\n")
        assert book.assignment("b2") is None

    def test_override(self, book: PlanBook) -> None:
        """Amounts of its own, which can be taken back; a limit that the plan does not have is refused."""
        book.assign(Assignment("a1", "free"))
        invoke("quota", "override", "a1", "requests/month=2000")
        assert {"requests/month": 2000} == getattr(book.assignment("a1"), "overrides", None)
        invoke("quota", "override", "a1", "requests/month=plan")
        assert {} == getattr(book.assignment("a1"), "overrides", None)
        with pytest.raises(Misconfigured, match="override errors/day names no limit of plan free"):
            invoke("quota", "override", "a1", "errors/day=5")

    def test_suspend(self, book: PlanBook) -> None:
        """A key is suspended and resumed; twice is no change."""
        book.assign(Assignment("a1", "free"))
        assert "key a1: status active -> suspended" in invoke("quota", "suspend", "a1").stdout
        assert "Nothing to change." in invoke("quota", "suspend", "a1").stdout
        shown = invoke("quota", "show", "a1")
        assert (1, True) == (shown.exit_code, "SUSPENDED" in shown.stdout)
        invoke("quota", "resume", "a1")
        assert KeyStatus.ACTIVE is getattr(book.assignment("a1"), "status", None)

    def test_show(
        self, book: PlanBook, cloud: LocalCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """How each limit stands; a key that is denied is a problem."""
        monkeypatch.setattr("cli.plans.quota_session.time", SimpleNamespace(time=lambda: float(NOW)))
        book.assign(Assignment("a1", "free", "acme", {"requests/hour": 20}))
        count(cloud, "a1", 15)
        out = tmp_path / "out.json"
        shown = invoke("quota", "show", "a1", "--out", str(out))
        assert (0, "a1: plan free, version 1, account acme") == (
            shown.exit_code,
            shown.stdout.splitlines()[0],
        )
        rows = [line.split()[:5] for line in shown.stdout.splitlines()[2:4]]
        assert [
            ["requests/month", "15", "1,000", "1.5", "985"],
            ["requests/hour", "15", "20", "75.0", "5"],
        ] == rows
        document = json.loads(out.read_text())
        assert (True, [985, 5]) == (document["allowed"], [one["remaining"] for one in document["limits"]])
        invoke("quota", "override", "a1", "requests/hour=15")
        shown = invoke("quota", "show", "a1")
        assert (1, True) == (shown.exit_code, "DENIED" in shown.stdout)

    def test_unknown_sizes(
        self, book: PlanBook, cloud: LocalCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A limit on bytes says how many calls it takes for 0 bytes, since their size is not known."""
        monkeypatch.setattr("cli.plans.quota_session.time", SimpleNamespace(time=lambda: float(NOW)))
        limits = (Limit(Metric.REQUEST_BYTES, Span.WEEK, 1000), Limit(Metric.REQUESTS, Span.DAY, 1000))
        book.put_plan(Plan("bytes", limits), None)
        book.assign(Assignment("a1", "bytes"))
        count(cloud, "a1", 15, unknown_request_sizes=12)
        shown = invoke("quota", "show", "a1", "--out", str(tmp_path / "out.json"))
        assert "request_bytes/week takes 12 calls of unknown size for 0 bytes." in shown.stdout
        document = json.loads((tmp_path / "out.json").read_text())
        assert [12, 0] == [one["unknown_sizes"] for one in document["limits"]]

    def test_expires(self, book: PlanBook) -> None:
        """A key may expire; one that has is denied, and shown as such."""
        assert 0 == invoke("quota", "assign", "a1", "free", "--expires", "2999-12-31").exit_code
        assert 0 == invoke("quota", "show", "a1").exit_code
        shown = invoke("quota", "assign", "a1", "free", "--expires", "2026-01-01T10:00:00Z")
        assert "expires 2999-12-31 00:00 UTC -> 2026-01-01 10:00 UTC" in shown.stdout
        shown = invoke("quota", "show", "a1")
        assert (1, True) == (shown.exit_code, "EXPIRED: 2026-01-01 10:00 UTC" in shown.stdout)
        invoke("quota", "assign", "a1", "free", "--expires", "never")
        assert Assignment("a1", "free").expires == _assigned(book, "a1").expires
        with pytest.raises(CommandError, match="'soon' is not a valid day or time"):
            invoke("quota", "assign", "a1", "free", "--expires", "soon")

    def test_history(self, book: PlanBook, cloud: LocalCloud, tmp_path: Path) -> None:
        """What was in force when: by changes of the key, and by new versions of its plan."""
        clock = iter([1_793_880_000.0, 1_793_883_600.5, 1_793_890_800.0])
        dated = PlanBook(cloud.stack.name("CountersTable"), cloud.client("dynamodb"), lambda: next(clock))
        free = book.plan("free")
        assert free is not None
        dated.assign(Assignment("a1", "free"))
        dated.assign(Assignment("a1", "free", overrides={"requests/month": 5}))
        dated.assign(Assignment("a1", "pro", status=KeyStatus.SUSPENDED))
        book.put_plan(msgspec.structs.replace(free, version=2, since=1_793_887_200), free)
        out = tmp_path / "out.json"
        assert 0 == invoke("quota", "history", "a1", "--out", str(out)).exit_code
        assert [
            (1_793_880_000, "free", 1, {}, "active"),
            (1_793_883_600, "free", 1, {"requests/month": 5}, "active"),
            (1_793_887_200, "free", 2, {"requests/month": 5}, "active"),
            (1_793_890_800, "pro", 1, {}, "suspended"),
        ] == [
            (one["since"], one["plan"], one["plan_version"], one["overrides"], one["status"])
            for one in json.loads(out.read_text())
        ]
        invoke("quota", "history", "a1", "--at", "2026-11-05T13:30:00Z", "--out", str(out))
        (then,) = json.loads(out.read_text())
        assert (1_793_883_600, {"requests/month": 5}) == (then["since"], then["overrides"])
        with pytest.raises(CommandError, match="Nothing was in force for key 'a1' at 2025"):
            invoke("quota", "history", "a1", "--at", "2025-01-01")

    def test_account(
        self, book: PlanBook, cloud: LocalCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An account's limits hold for its keys together: shown by its name, and beside those of a key."""
        monkeypatch.setattr("cli.plans.quota_session.time", SimpleNamespace(time=lambda: float(NOW)))
        out = tmp_path / "out.json"
        invoke("quota", "assign", "a1", "free", "--account", "acme")
        invoke("quota", "assign", "b2", "pro", "--account", "acme")
        shown = invoke("quota", "account", "acme", "free", "--mail", "ops@acme.example")
        assert (0, "account acme: plan free, mail ops@acme.example") == (
            shown.exit_code,
            shown.stdout.splitlines()[0],
        )
        with pytest.raises(CommandError, match="'acme' is not a mail address"):
            invoke("quota", "account", "acme", "free", "--mail", "acme")
        invoke("quota", "assign", "old", "free", "--account", "acme")
        invoke("quota", "assign", "old", "free", "--account", "initech")
        for key, calls in (("a1", 300), ("b2", 200), ("old", 400)):
            count(cloud, key, calls)
        shown = invoke("quota", "acme", "--out", str(out))
        document = json.loads(out.read_text())
        assert (1, False) == (shown.exit_code, document["allowed"])
        assert [("account:requests/month", 900, 100), ("account:requests/hour", 900, 0)] == [
            (one["limit"], one["used"], one["remaining"]) for one in document["limits"]
        ]
        assert ["a1", "b2", "old"] == document["keys_of_account"]
        assert 1 == invoke("quota", "b2", "--out", str(out)).exit_code
        document = json.loads(out.read_text())
        assert ("b2", ["account:requests/month", "account:requests/hour"]) == (
            document["key"],
            [one["limit"] for one in document["limits"]][-2:],
        )
        assert [None, "free"] == [one and one.plan for one in _plans_of(book, "initech", "acme")]
        with pytest.raises(Exception, match="Key 'nobody' has no plan"):
            invoke("quota", "nobody")

    def test_default_plan(self, cloud: LocalCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A key without a plan of its own is shown as what it is: under QuotaDefaultPlan."""
        monkeypatch.setattr("cli.plans.quota_session.time", SimpleNamespace(time=lambda: float(NOW)))
        deployment = Deployment.of_stack(cloud.client("cloudformation"), "usage-meter")
        with_default = replace(deployment, parameters={"QuotaDefaultPlan": "free"})
        monkeypatch.setattr(Deployment, "of_stack", lambda *_: with_default)
        count(cloud, "stray", 1_000)
        out = tmp_path / "out.json"
        shown = invoke("quota", "show", "stray", "--out", str(out))
        assert (1, True) == (shown.exit_code, "QuotaDefaultPlan" in shown.stdout)
        document = json.loads(out.read_text())
        assert ("free", True, False) == (
            document["plan"],
            document["is_default_plan"],
            document["allowed"],
        )

    def test_list(self, book: PlanBook, tmp_path: Path) -> None:
        """All keys that have a plan."""
        assert "No key has a plan" in invoke("quota", "list").stdout
        book.assign(Assignment("b2", "pro"))
        book.assign(Assignment("a1", "free", "acme", {"requests/hour": 2000}))
        out = tmp_path / "out.json"
        shown = invoke("quota", "list", "--out", str(out))
        assert [["a1", "free", "acme", "active", "requests/hour=2,000"], ["b2", "pro", "active"]] == [
            line.split() for line in shown.stdout.splitlines()[1:3]
        ]
        assert ["a1", "b2"] == [one["key"] for one in json.loads(out.read_text())]

    def test_unknown(self) -> None:
        """A key without a plan, and a plan that is not there, are wrong use."""
        with pytest.raises(
            Exception, match="Key 'nobody' has no plan: give it one by `usage-meter quota assign"
        ):
            invoke("quota", "show", "nobody")
        for command in (["history"], ["suspend"], ["resume"], ["override", "requests/month=1"]):
            with pytest.raises(
                CommandError, match="The key 'nobody' is not known: no call of it was counted"
            ):
                invoke("quota", command[0], "nobody", *command[1:])
        assert "The key 'new' is not known" in invoke("quota", "assign", "new", "free", "--dry-run").stdout
        with pytest.raises(Exception, match="There is no plan 'gold'; the plans are free, pro"):
            invoke("quota", "assign", "a1", "gold")
        with pytest.raises(Misconfigured, match="reserved for calls without a key"):
            invoke("quota", "assign", "-", "free")
