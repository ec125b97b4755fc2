"""`usage-meter close` and `usage-meter rebuild` against a cloud that was played."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from adapters.dynamodb.layout import counter_pk
from cli.main import app, main
from local_cloud.demo.progress import DemoProgress
from local_cloud.demo.run import Demo, DemoSettings
from local_cloud.demo.source import from_file
from tests.factories import line
from tests.reconciliation.chain_stores import forget_billing

CALLS = 12
MONTH = "2026-10"


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A cloud with calls of two keys, whose functions still run."""
    path = tmp_path_factory.mktemp("log") / "access.jsonl"
    path.write_text(
        "\n".join(
            line(extendedRequestId=f"{number}=", apiKeyId=f"shop-{number % 2}") for number in range(CALLS)
        )
    )
    log = from_file(path)
    with Demo(DemoSettings(log), DemoProgress(log.total)) as running:
        running.play()
        running.cloud.clock.release()
        running.settle()
        running.cloud.publish()
        yield running


@pytest.fixture(autouse=True)
def demo(
    played: Demo,
    monkeypatch: pytest.MonkeyPatch,
    own_environment: None,  # noqa: ARG001 - it comes first
) -> Demo:
    """The command finds the cloud by the usual settings; no month is closed."""
    for name, value in played.cloud.endpoint.environment.items():
        monkeypatch.setenv(name, value)
    forget_billing(played.cloud)
    return played


class Typed:
    """What a command wrote, and its exit code as `main` gives it."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        self._monkeypatch = monkeypatch

    def __call__(self, *arguments: str) -> tuple[int, str]:
        """Run it as it is typed: exit code, and all that was written."""
        self._monkeypatch.setattr("sys.argv", ["usage-meter", *arguments])
        try:
            code = main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        shown = self._capsys.readouterr()
        return code, shown.out + shown.err


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Typed:
    """Types commands."""
    return Typed(capsys, monkeypatch)


def change_counter(demo: Demo, requests: int) -> None:
    """As no part of the meter does."""
    demo.cloud.client("dynamodb").update_item(
        TableName=demo.cloud.stack.name("CountersTable"),
        Key={"pk": {"S": counter_pk("shop-0")}, "sk": {"S": f"{MONTH}#0"}},
        UpdateExpression="ADD requests :requests",
        ExpressionAttributeValues={":requests": {"N": str(requests)}},
    )


def stored(demo: Demo) -> list[dict[str, Any]]:
    """The counters, without watermarks."""
    items = demo.cloud.client("dynamodb").scan(TableName=demo.cloud.stack.name("CountersTable"))["Items"]
    found = [
        {name: value for name, value in item.items() if "B" not in value}
        for item in items
        if item["pk"]["S"].startswith("key:")
    ]
    return sorted(found, key=lambda item: (item["pk"]["S"], item["sk"]["S"]))


def test_close(typed: Typed, tmp_path: Path) -> None:
    """A month goes from open to sealed, and stays so."""
    out = tmp_path / "state.json"
    assert (0, "2026-10 is open: closing has not begun\n") == typed("close", MONTH, "--status")
    code, asked = typed("close", MONTH, "--out", str(out), "--yes")
    shown = asked[asked.index(f"{MONTH} was sealed") :]
    document = json.loads(out.read_text())
    assert 0 == code, shown
    assert "2 keys, 12 requests, 12 billable" in shown
    assert ("sealed", 2, 12, True) == (
        document["state"],
        document["keys"],
        document["total"]["requests"],
        document["agrees"],
    )
    assert typed("close", MONTH) == typed("close", MONTH, "--status") == (0, shown)


def test_close_a_month_that_differs(demo: Demo, typed: Typed) -> None:
    """It is refused with what to do, unless the differences are accepted; reports say so from then on."""
    change_counter(demo, 1)
    try:
        code, shown = typed("close", MONTH)
        assert (1, True) == (code, "--repair" in shown)
        assert "is open" in typed("close", MONTH, "--status")[1]
        code, shown = typed("close", MONTH, "--accept-differences", "settled by hand", "--yes")
        assert 0 == code
        assert "because: settled by hand" in typed("close", MONTH, "--status")[1]
    finally:
        change_counter(demo, -1)


def test_close_shows_what_it_seals_and_asks(typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal it is refused unless it was agreed to; no means that the month stays open."""
    code, shown = typed("close", MONTH)
    assert (2, True) == (code, "confirm with --yes. Nothing was written" in shown)
    assert "2026-10: 2 keys, 12 requests, 12 billable. Once sealed, it cannot be opened again" in shown
    assert "is open" in typed("close", MONTH, "--status")[1]

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    questions: list[str] = []

    def refuse(question: str, **_: object) -> None:
        questions.append(question)
        raise typer.Abort

    monkeypatch.setattr("typer.confirm", refuse)
    assert 1 == typed("close", MONTH)[0]
    assert ["Seal 2026-10?"] == questions
    assert "is open" in typed("close", MONTH, "--status")[1]

    monkeypatch.setattr("typer.confirm", lambda *_, **__: True)
    assert 0 == typed("close", MONTH)[0]


def test_a_month_without_calls_is_closed_only_when_confirmed(typed: Typed) -> None:
    """It is more often a wrong month or a wrong stack than a month in which nobody called."""
    code, shown = typed("close", "2019-01", "--yes")
    assert (1, True) == (code, "2019-01 has no calls" in shown)
    assert "--empty. Nothing was sealed" in shown
    assert "is open" in typed("close", "2019-01", "--status")[1]
    assert 0 == typed("close", "2019-01", "--yes", "--empty")[0]


@pytest.mark.exhaustive
def test_rebuild(demo: Demo, typed: Typed, tmp_path: Path) -> None:
    """From an empty table come the same counters; where there are some, only with --correct."""
    as_counted = stored(demo)
    code, shown = typed("rebuild", MONTH)
    assert (1, True) == (code, "there are counters of 2026-10 already: --correct" in shown)

    dynamodb = demo.cloud.client("dynamodb")
    for item in as_counted:
        dynamodb.delete_item(
            TableName=demo.cloud.stack.name("CountersTable"), Key={"pk": item["pk"], "sk": item["sk"]}
        )
    out = tmp_path / "rebuilt.json"
    code, shown = typed("rebuild", MONTH, "--out", str(out))
    assert (0, as_counted) == (code, stored(demo)), shown
    assert "4 counters set to the lake's figures" in shown
    assert ("written", 6) == (
        (done := json.loads(out.read_text())["done"][0])["fate"],
        done["after"]["requests"],
    )

    change_counter(demo, 5)
    assert (2, True) == ((answer := typed("rebuild", MONTH, "--correct"))[0], "--yes" in answer[1])
    code, shown = typed("rebuild", MONTH, "--key", "shop-0", "--correct", "--yes")
    assert (1, True) == (code, "1 counter higher than the lake and left unchanged" in shown)
    lower = ("--lower", "edited by hand, ticket 4711")
    code, shown = typed("rebuild", MONTH, "--key", "shop-0", "--correct", *lower, "--yes")
    assert (0, as_counted) == (code, stored(demo)), shown


@pytest.mark.exhaustive
def test_rebuild_of_a_sealed_month(demo: Demo, typed: Typed) -> None:
    """The counters of a sealed month can be put right; its sealing stays as it was."""
    typed("close", MONTH, "--yes")
    as_counted, state = stored(demo), typed("close", MONTH, "--status")
    change_counter(demo, 5)
    code, shown = typed("rebuild", MONTH, "--correct", "--lower", "edited by hand", "--yes")
    assert (0, as_counted) == (code, stored(demo)), shown
    assert state == typed("close", MONTH, "--status")


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["close", "2026-10-05"], "a month is needed: write 2026-10"),
        (["rebuild", "October"], "is not a valid month"),
        (["rebuild", MONTH, "--day", MONTH], "a day is needed: write 2026-11-05"),
        (["rebuild", MONTH, "--day", "2026-11-05"], "cannot be repaired"),
    ],
)
def test_wrong_use(typed: Typed, arguments: list[str], shown: str) -> None:
    """The error says how to write it."""
    code, text = typed(*arguments)
    assert code in (1, 2)
    assert shown in " ".join(text.replace("│", " ").split())


def test_help() -> None:
    """Both say what they do."""
    for name in ("close", "rebuild"):
        assert 0 == CliRunner().invoke(app, [name, "--help"]).exit_code
