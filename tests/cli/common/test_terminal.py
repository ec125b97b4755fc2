"""The terminal, or what stands in its place."""

import io
import json
import re
from pathlib import Path

import pytest
from rich.console import Console, Group
from rich.live import Live
from rich.status import Status

from cli import main as command_line
from cli.common.errors import CommandError
from cli.common.terminal import Text, console, is_live, table, visible_json

ROOT = Path(__file__).resolve().parents[3]
HOSTILE = "a\x1b]0;title\x07\x1b[2Jb\x9b1mc\x08d\re\u202ef\u200bg[link=https://evil.example]h[/link]"
SHOWN = r"a\x1b]0;title\x07\x1b[2Jb\x9b1mc\x08d\re\u202ef\u200bg[link=https://evil.example]h[/link]"


def test_a_pipe_gets_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """No control codes, whatever the style, and brackets stay as they are."""
    screen = console()
    screen.print("[bold]7,184[/bold] calls in 2026-10", style="red")

    assert "[bold]7,184[/bold] calls in 2026-10\n" == capsys.readouterr().out
    assert not is_live(screen)


class TestHostile:
    """A name that commands a terminal is shown, by whatever way it comes there."""

    def test_printed(self, capsys: pytest.CaptureFixture[str]) -> None:
        """As a string, a text, a cell, and within others."""
        screen, rows = console(), table("key")
        rows.add_row(HOSTILE)
        rows.add_row(Text(HOSTILE, "bold"))
        for part in (HOSTILE, Text(HOSTILE, "red"), rows, Group(Text(HOSTILE))):
            screen.print(part, soft_wrap=True)
        assert [SHOWN] * 5 == [
            line.strip() for line in capsys.readouterr().out.splitlines() if line.strip() != "key"
        ]

    def test_drawn_anew(self, capsys: pytest.CaptureFixture[str]) -> None:
        """On a terminal, too: what is drawn there has the codes of rich and none of the name's."""
        screen = type(console())(force_terminal=True, width=200, _environ={"TERM": "xterm-256color"})
        assert is_live(screen)
        with Live(Text(HOSTILE, "red"), console=screen, auto_refresh=False) as live:
            live.update(Text(HOSTILE), refresh=True)
        with Status("Looking", console=screen) as status:
            status.update(f"{HOSTILE}")
        out = capsys.readouterr().out
        assert SHOWN in out
        assert not re.search("\x1b\\]0|\x1b\\[2J|\x07|\x9b|\x08|\u202e|\u200b", out)

    def test_error(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        """In the sentence with which a command ends."""

        def fail() -> None:
            raise CommandError(f"There is no key {HOSTILE}.")

        monkeypatch.setattr(command_line, "app", fail)
        assert 2 == command_line.main()
        assert f"usage-meter: There is no key {SHOWN}.\n" == capsys.readouterr().err

    def test_json(self) -> None:
        """In JSON, which stays the same to its reader."""
        text = json.dumps({"key": HOSTILE, "name": "Zoë 店"}, ensure_ascii=False)
        shown = visible_json(text)
        assert json.loads(text) == json.loads(shown)
        assert "Zoë 店" in shown
        assert not set(shown) & set("\x9b\u202e\u200b\x1b")


def test_the_only_way() -> None:
    """No command makes a console or a text of rich's own: each goes by this module."""
    pattern = re.compile(r"from rich\.text|rich\.text\.|\bConsole\(|from rich import (?!text as rich_text)")
    found = {path.name for path in (ROOT / "cli").rglob("*.py") if pattern.search(path.read_text())}
    assert {"terminal.py"} >= found


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


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (60, ["key             calls  calls with errors", "a-key-of-16-char 1,234,567  12  ████"]),
        (50, ["key             calls  calls with errors", "a-key-of-16-char 1,234,567  12"]),
        (24, ["a-key-of-16-char", "calls 1,234,567", "calls with errors 12"]),
    ],
)
def test_a_table_is_never_cut(width: int, lines: list[str]) -> None:
    """Bars go first; then a row is a block of lines."""
    rows = table("key", "calls", "calls with errors", "", numbers=("calls", "calls with errors"))
    rows.add_row("a-key-of-16-char", "1,234,567", "12", "████")
    screen = Console(width=width, file=io.StringIO(), color_system=None)
    screen.print(rows)
    assert isinstance(screen.file, io.StringIO)
    found = [" ".join(line.split()) for line in screen.file.getvalue().splitlines()]
    assert [" ".join(line.split()) for line in lines] == found
