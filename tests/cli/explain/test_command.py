"""`usage-meter explain` against a cloud that was played."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from adapters.athena import Athena
from adapters.dynamodb.layout import counter_pk
from adapters.dynamodb.plans import PlanBook
from cli.common.errors import CommandError
from cli.look_up import usage_source
from cli.main import app
from local_cloud.demo.progress import DemoProgress
from local_cloud.demo.run import Demo, DemoSettings
from local_cloud.demo.source import from_file
from metering.errors import QueryFailed
from metering.quotas.plan import Assignment, KeyStatus, Limit, Plan, Span
from metering.usage import Metric
from tests.factories import NOON_MS, line

NOON = datetime.fromtimestamp(NOON_MS / 1000, UTC)
SOON = NOON + timedelta(minutes=10)
"""So soon after the calls, some may still be on their way."""
LATER = NOON + timedelta(hours=6)
MONTH, DAY = "2026-10", "2026-10-31"
STATUSES = ["200"] * 6 + ["404", "503"] + ["429"] * 2
HARD = Plan("free", (Limit(Metric.BILLABLE, Span.MONTH, 7), Limit(Metric.REQUESTS, Span.DAY, 1000)))
WIDE = Plan("wide", (Limit(Metric.REQUESTS, Span.MONTH, 1000),))


def lines() -> Iterator[str]:
    """Ten calls of `shop`, a minute apart; one of a key with a quote in its id; one without a key."""
    for number, status in enumerate(STATUSES):
        at = str(NOON_MS + 60_000 * number)
        yield line(extendedRequestId=f"{number}=", apiKeyId="shop", status=status, requestTimeEpoch=at)
    yield line(extendedRequestId="quoted=", apiKeyId="o'hara", requestTimeEpoch=str(NOON_MS + 600_000))
    yield line(status="none")
    yield "no line"
    yield line(extendedRequestId="nobody=", apiKeyId="-", requestTimeEpoch=str(NOON_MS + 600_000))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A cloud with calls that are counted and in the lake, and thresholds that were reported."""
    path = tmp_path_factory.mktemp("log") / "access.jsonl"
    path.write_text("\n".join(lines()))
    log = from_file(path)
    with Demo(DemoSettings(log), DemoProgress(log.total)) as running:
        book = plans(running)
        for plan in (HARD, WIDE):
            book.put_plan(plan, None)
        book.assign(Assignment("shop", "free"))
        running.play()
        running.settle()
        running.cloud.publish()
        yield running


def plans(demo: Demo) -> PlanBook:
    """The plans of the cloud."""
    return PlanBook(demo.cloud.stack.name("CountersTable"), demo.cloud.client("dynamodb"))


@pytest.fixture(autouse=True)
def later(
    demo: Demo,
    monkeypatch: pytest.MonkeyPatch,
    own_environment: None,  # noqa: ARG001 - it comes first
) -> pytest.MonkeyPatch:
    """The command finds the cloud by the usual settings, hours after the calls."""
    for name, value in demo.cloud.endpoint.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(usage_source, "utc_now", lambda: LATER)
    plans(demo).assign(Assignment("shop", "free"))
    return monkeypatch


def explain(*arguments: str) -> Result:
    """The command as it is typed."""
    return CliRunner().invoke(app, ["explain", *arguments], catch_exceptions=False)


def document(*arguments: str) -> dict[str, Any]:
    """What it says as JSON."""
    found: dict[str, Any] = json.loads(explain(*arguments, "--json").stdout)
    return found


def section(shown: str, title: str) -> list[list[str]]:
    """The words of a section's lines."""
    _, _, rest = shown.partition(f"\n{title}\n")
    return [one.split() for one in rest.partition("\n\n")[0].splitlines()]


def change_counter(demo: Demo, requests: int) -> None:
    """As no part of the meter does."""
    demo.cloud.client("dynamodb").update_item(
        TableName=demo.cloud.stack.name("CountersTable"),
        Key={"pk": {"S": counter_pk("shop")}, "sk": {"S": f"{MONTH}#0"}},
        UpdateExpression="ADD requests :requests, d31 :requests",
        ExpressionAttributeValues={":requests": {"N": str(requests)}},
    )


def test_a_key_that_is_blocked() -> None:
    """Since when, by what, and until when; what was not billed, reported and denied; both sides agree."""
    shown = explain("shop")
    assert 1 == shown.exit_code
    assert ["requests", "10"] in section(shown.stdout, "Counter")
    assert [DAY, "10", "10", "0", "█" * 24] in shown_lines(shown)
    assert ["0", "shardId-000000000000"] in [words[:2] for words in section(shown.stdout, "Watermarks")]
    assert ["10", "calls", "in", "10", "rows;", "query"] == section(shown.stdout, "Lake")[0][:6]
    assert [
        "3 of 10 requests, by the counter 30.0 %",
        "status 429: 2 calls, by the lake",
        "status 503: 1 call, by the lake",
    ] == [" ".join(words) for words in section(shown.stdout, "Not billed")[:3]]
    assert ["billable/month", "7", "7", "100.0", "0"] == section(shown.stdout, "Plan")[2][:5]
    assert [f"{MONTH}: {share} % of 7 billable, sent" for share in (50, 80, 100)] == [
        " ".join(words) for words in section(shown.stdout, "Alerts")
    ]
    assert ["2", "calls", "with", "status", "429,"] == section(shown.stdout, "Denied")[0][:5]
    assert [
        (
            "Blocked since 2026-10-31 12:08:00 UTC by the hard limit of 7 billable requests a month; "
            "resets at 2026-11-01 00:00:00 UTC."
        ),
        "Counter and lake hold the same 10 calls.",
    ] == [" ".join(words) for words in section(shown.stdout, "Conclusion")]


def shown_lines(shown: Result) -> list[list[str]]:
    """The words of all lines."""
    return [one.split() for one in shown.stdout.splitlines()]


def test_as_json() -> None:
    """The same, for programs: fingerprints and sequence numbers are text."""
    found = document("shop")
    counter, lake = found["counter"], found["lake"]
    assert ("shop", MONTH, "agrees") == (found["key"], found["period"], found["agreement"])
    assert counter["totals"] == lake["totals"] == counter["slices"][0]["totals"]
    assert (10, 7, 4) == tuple(counter["totals"][name] for name in ("requests", "billable", "errors"))
    assert int(counter["totals"]["fingerprint"]) > 0
    assert int(counter["slices"][0]["watermarks"]["shardId-000000000000"]) > 0
    assert [{"period": DAY, "counted": 10, "in_lake": 10}] == counter["parts"]
    assert [(200, 6), (404, 1), (429, 2), (503, 1)] == [
        (one["status"], one["requests"]) for one in lake["statuses"]
    ]
    assert [429, 503] == [one["status"] for one in found["not_billed"]]
    assert ("2026-10-31T12:08:00Z", 2) == (found["blocked_since"], found["denials"]["requests"])
    assert lake["scanned_bytes"] > 0
    assert found["conclusion"].startswith("Blocked since 2026-10-31 12:08:00 UTC")
    assert ("free", False) == (found["quota"]["plan"], found["quota"]["allowed"])
    assert [True] * 3 == [one["told"] for one in found["alerts"]]


def test_a_day_has_hours() -> None:
    """And a counter of its own."""
    found = document("shop", "--period", DAY)
    assert [{"period": f"{DAY}T12", "counted": 10, "in_lake": 10}] == found["counter"]["parts"]
    assert "agrees" == found["agreement"]


def test_unknown_sizes() -> None:
    """How many calls have no known size is said: for a price or limit on bytes they are none."""
    shown = " ".join(explain("shop").stdout.split())
    assert (
        "Without a known size: 10 requests, 0 responses; a price or limit on bytes counts them as 0" in shown
    )
    assert {"requests": 10, "responses": 0} == document("shop")["lake"]["without_known_size"]


def test_malformed_lines() -> None:
    """Each reason is named with an example, and the way back."""
    shown = explain("!malformed")
    reasons = " ".join(" ".join(words) for words in section(shown.stdout, "Malformed because"))
    assert "bad_status: 1 line, such as" in reasons
    assert 'status is "none", none from 100 to 599' in reasons
    assert "no_json: 1 line, such as no line" in reasons
    conclusion = " ".join(shown.stdout.split())
    assert "Malformed because: bad_status (1), no_json (1)." in conclusion
    assert "`usage-meter reread 2026-10` reads the lines again" in conclusion
    found = document("!malformed")["lake"]["malformed_because"]
    assert [("bad_status", 1), ("no_json", 1)] == [(one["reason"], one["lines"]) for one in found]


def test_a_key_with_a_quote() -> None:
    """It is a parameter of the query, not a part of it."""
    found = document("o'hara")
    assert ("agrees", 1) == (found["agreement"], found["lake"]["totals"]["requests"])
    assert 0 == explain("o'hara", "--no-lake").exit_code


def test_without_the_lake(later: pytest.MonkeyPatch) -> None:
    """No query is run, and what the lake alone knows is said to be missing."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a query was run")

    later.setattr(Athena, "run", refuse)
    shown = explain("shop", "--no-lake")
    assert 1 == shown.exit_code
    assert [["It", "was", "not", "queried", "(--no-lake)."]] == section(shown.stdout, "Lake")
    assert "Blocked by the hard limit of 7 billable requests a month" in shown.stdout
    assert "10 requests counted; the lake was not queried." in shown.stdout


def test_a_query_that_is_refused(later: pytest.MonkeyPatch) -> None:
    """Says why, and how to do without it."""

    def refuse(*_: object, **__: object) -> None:
        raise QueryFailed("id", "CANCELLED", "it reads more than 10 bytes")

    later.setattr(Athena, "run", refuse)
    with pytest.raises(CommandError, match=r"10 bytes\. --no-lake leaves the lake out") as shown:
        explain("shop")
    assert 1 == shown.value.exit_code


def test_the_two_differ(demo: Demo) -> None:
    """Then it says how, and who names the calls; so soon after the calls they may be on their way."""
    change_counter(demo, 1)
    try:
        shown = explain("shop")
    finally:
        change_counter(demo, -1)
    assert 1 == shown.exit_code
    assert ["requests", "11", "10"] in shown_lines(shown)
    assert (
        "11 requests are counted, 10 are in the lake: `usage-meter reconcile 2026-10` names the calls."
        not in shown.stdout
    ), "the day is not over"
    assert "the last calls can take up to 60 minutes to arrive" in shown.stdout


def test_the_two_differ_in_a_month_that_is_over(demo: Demo, later: pytest.MonkeyPatch) -> None:
    """No call is on its way any more."""
    later.setattr(usage_source, "utc_now", lambda: NOON + timedelta(days=10))
    demo.cloud.clock.follow(NOON + timedelta(days=9))
    demo.settle()
    change_counter(demo, 1)
    try:
        shown = explain("shop", "--period", MONTH)
    finally:
        change_counter(demo, -1)
    assert 1 == shown.exit_code
    assert "`usage-meter reconcile 2026-10` names the calls." in shown.stdout


def test_a_key_within_its_limits(demo: Demo) -> None:
    """Is not blocked, and that is no problem."""
    plans(demo).assign(Assignment("shop", "wide"))
    shown = explain("shop")
    assert 0 == shown.exit_code
    assert "Not blocked: 990 are left of the hard limit of 1,000 requests a month." in shown.stdout


def test_a_key_that_is_suspended(demo: Demo) -> None:
    """Says how to end that."""
    plans(demo).assign(Assignment("shop", "wide", status=KeyStatus.SUSPENDED))
    shown = explain("shop", "--no-lake")
    assert 1 == shown.exit_code
    assert "Suspended: all calls are blocked until `usage-meter quota resume shop`." in shown.stdout


def test_a_key_that_nobody_knows() -> None:
    """It may be the key itself instead of its id."""
    shown = explain("secret-of-shop")
    assert 0 == shown.exit_code
    assert "secret-of-shop is unknown in 2026-10" in shown.stdout
    assert "Give the id of the key, not the key itself." in shown.stdout


def test_a_reserved_key() -> None:
    """What has no key can be explained as well."""
    shown = explain("-")
    assert 0 == shown.exit_code
    assert "- is not a key: it counts what is unattributed." in shown.stdout
    assert "Counter and lake hold the same 1 call." in shown.stdout


@pytest.mark.parametrize("arguments", [[], ["shop", "--period", "2026-10-31T12"], ["a\tb"]])
def test_wrong_use(arguments: list[str]) -> None:
    """Is reported before anything is asked."""
    assert 2 == explain(*arguments).exit_code
