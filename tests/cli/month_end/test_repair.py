"""`usage-meter reconcile --repair` against a cloud that was played, whose functions still run."""

import json
from pathlib import Path

import pytest

from local_cloud.demo.run import Demo
from tests.cli.month_end.test_close import MONTH, Typed, change_counter, demo, played, stored, typed

__all__ = ["demo", "played", "typed"]  # the fixtures


def test_repair(demo: Demo, typed: Typed, tmp_path: Path) -> None:
    """What differs is shown before and after, asked for, and brought to the lake's figure."""
    as_counted = stored(demo)
    change_counter(demo, 3)
    code, shown = typed("reconcile", MONTH, "--repair", "--lower", "edited by hand")
    assert 2 == code
    assert "There is no terminal for the question: confirm with --yes." in shown
    assert ["shop-0", MONTH, "9", "6", "6", "6", "removes", "calls"] in [
        line.split() for line in shown.splitlines()
    ]
    assert as_counted != stored(demo)

    code, shown = typed("reconcile", MONTH, "--repair", "--yes")
    assert 1 == code
    assert "shop-0 2026-10: it takes calls or totals away, and no reason for that was given" in shown
    assert as_counted != stored(demo)

    out = tmp_path / "report.json"
    lower = ("--lower", "edited by hand, ticket 4711")
    code, shown = typed("reconcile", MONTH, "--repair", "--yes", *lower, "--out", str(out))
    document = json.loads(out.read_text())
    assert (0, as_counted) == (code, stored(demo)), shown
    assert "1 counter set to the lake's figures" in shown
    assert (False, 1, 0) == (
        document["agrees"],
        document["repair"]["written"],
        document["repair"]["left"],
    )
    assert 0 == typed("reconcile", MONTH)[0]


def test_nothing_to_repair(typed: Typed, tmp_path: Path) -> None:
    """A month that agrees needs no answer, and nothing is written."""
    out = tmp_path / "report.json"
    assert 0 == typed("reconcile", MONTH, "--repair", "--out", str(out))[0]
    assert "repair" not in json.loads(out.read_text())


def test_answer(demo: Demo, typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a terminal it is asked for, and no means no."""
    change_counter(demo, 3)
    before = stored(demo)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    questions: list[str] = []

    def refuse(question: str, **_: object) -> None:
        questions.append(question)
        raise KeyboardInterrupt

    monkeypatch.setattr("typer.confirm", refuse)
    try:
        assert 0 != typed("reconcile", MONTH, "--repair", "--lower", "edited by hand")[0]
        assert ["Set 1 counter to the lake's figures?"] == questions
        assert before == stored(demo)
    finally:
        change_counter(demo, -3)
