"""Answers shown once and again and again, without a cloud."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console
from rich.text import Text

from cli.look_up import usage_output as usage_shown
from cli.look_up.usage_output import How, how, show
from metering.errors import Misconfigured, Transient
from metering.usage import Metric
from usage_api.schemas import TopAnswer

NOW = datetime(2026, 11, 24, 19, tzinfo=UTC)


def answer(number: int) -> TopAnswer:
    """One that differs from others by its seconds."""
    at = NOW + timedelta(seconds=number)
    return TopAnswer(period="2026-11", metric=Metric.REQUESTS, as_of=at, complete_through=None, keys=())


def answering(outcomes: Iterable[int | Exception]) -> Callable[[], TopAnswer]:
    """Gives an answer for each number, and raises what is no number."""
    left = iter(outcomes)

    def ask() -> TopAnswer:
        outcome = next(left)
        if isinstance(outcome, Exception):
            raise outcome
        return answer(outcome)

    return ask


def draw(one: TopAnswer) -> list[Text]:
    """Its seconds."""
    return [Text(f"answer {one.as_of.second}")]


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Ctrl-C at the fourth wait."""
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(usage_shown, "wait", wait)
    return waited


def test_once(capsys: pytest.CaptureFixture[str], waits: list[float]) -> None:
    """Without `--watch` one answer is shown, and nothing is waited for."""
    assert answer(1) == show(answering([1]), draw, How())
    assert ("answer 1\n", []) == (capsys.readouterr().out, waits)


def test_watched_without_a_terminal(capsys: pytest.CaptureFixture[str], waits: list[float]) -> None:
    """Each answer is a group of lines; the last one is the result."""
    assert answer(4) == show(answering([1, 2, 3, 4]), draw, how(watch=True))
    assert "answer 1\n\nanswer 2\n\nanswer 3\n\nanswer 4\n" == capsys.readouterr().out
    assert [usage_shown.REFRESH_SECONDS] * 4 == waits


def test_watched_as_json(capsys: pytest.CaptureFixture[str], waits: list[float]) -> None:
    """A document a line."""
    show(answering([1, 2, 3, 4]), draw, how(json=True, watch=True))
    lines = capsys.readouterr().out.splitlines()
    assert [f"2026-11-24T19:00:0{number}Z" for number in (1, 2, 3, 4)] == [
        json.loads(line)["as_of"] for line in lines
    ]
    assert 4 == len(waits)


def test_a_pause_of_the_service(capsys: pytest.CaptureFixture[str], waits: list[float]) -> None:
    """Is reported beside the answers, and the next answer is waited for."""
    result = show(answering([1, Transient("Query of counters"), 3, 4]), draw, how(json=True, watch=True))
    shown = capsys.readouterr()
    assert (answer(4), 3) == (result, len(shown.out.splitlines()))
    assert "usage-meter: No newer figures: Query of counters. Trying again.\n" == shown.err
    assert 4 == len(waits)


def test_no_answer_at_all() -> None:
    """Then there is nothing to watch."""
    with pytest.raises(Transient, match="Query of counters"):
        show(answering([Transient("Query of counters")]), draw, how(watch=True))


@pytest.mark.usefixtures("waits")
def test_what_cannot_get_better_ends_it() -> None:
    """A permission that was taken is no pause."""
    with pytest.raises(Misconfigured):
        show(answering([1, Misconfigured(["no permission"])]), draw, how(json=True, watch=True))


def test_in_place(monkeypatch: pytest.MonkeyPatch, waits: list[float]) -> None:
    """In a terminal each answer takes the place of the one before; a pause is reported below it."""
    written = io.StringIO()
    screen = Console(file=written, force_terminal=True, width=80, color_system=None, legacy_windows=False)
    monkeypatch.setattr(usage_shown, "console", lambda: screen)
    result = show(answering([1, Transient("Query of counters"), 3, 4]), draw, how(watch=True))
    shown = written.getvalue()
    assert (answer(4), 4) == (result, len(waits))
    assert [True, False, True, True] == [f"answer {number}" in shown for number in (1, 2, 3, 4)]
    assert "No newer figures: Query of counters" in shown
    assert "\x1b[1A" in shown, "the cursor goes up to draw anew"
