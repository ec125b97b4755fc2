"""The terminal, or what stands in its place."""

import pytest
from rich.console import Console

from cli.common.terminal import console, is_live, table


def test_a_pipe_gets_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """No control codes, and words that a terminal would mark stay as they are."""
    screen = console()
    screen.print("[bold]7,184[/bold] calls in 2026-10")

    assert "7,184 calls in 2026-10\n" == capsys.readouterr().out
    assert not is_live(screen)


@pytest.mark.parametrize(("term", "live"), [("xterm-256color", True), ("dumb", False)])
def test_only_a_terminal_that_can_draw_is_live(term: str, live: bool) -> None:
    """Others get lines."""
    assert live == is_live(Console(force_terminal=True, _environ={"TERM": term}))


def test_numbers_stand_to_the_right(capsys: pytest.CaptureFixture[str]) -> None:
    """Under their heading."""
    found = table("key", "calls", numbers=("calls",))
    found.add_row("shop", "7")
    found.add_row("a", "1,024")
    console().print(found)

    assert ["key   calls", "shop      7", "a     1,024"] == [
        line.rstrip() for line in capsys.readouterr().out.splitlines()
    ]
