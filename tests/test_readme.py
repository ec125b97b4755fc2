"""The README and the pages tell the truth: commands exist, links lead somewhere."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click import Context
from typer.main import get_command

from cli.main import app

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
README = (ROOT / "README.md").read_text()


def test_make_targets() -> None:
    """Every `make` command of the README is a target that `make help` explains."""
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    targets = set(re.findall(r"^  make ([a-z-]+)", listed, re.MULTILINE))
    named = set(re.findall(r"^(?:\$ )?make ([a-z-]+)", README, re.MULTILINE))
    assert {"demo", "test"} <= named
    assert set() == named - targets - {"help"}


def test_commands() -> None:
    """Every `usage-meter` command of the README exists."""
    named = set(re.findall(r"usage-meter ([a-z]+)", README))
    assert set() == named - set(get_command(app).commands)  # type: ignore[attr-defined]  # it is a group


def test_options() -> None:
    """Every `usage-meter` command that a page shows as a line has its options, so that it works as typed."""
    lines = [(page, line) for page in PAGES for line in lines_of(page) if "usage-meter " in line]
    commands = [(page, found) for page, line in lines if (found := words_of(line))]
    assert len(commands) > 60
    assert [] == [(page.name, words) for page, words in commands if unknown_options(words)]
    assert ["--nothing"] == unknown_options(["plan", "apply", "-f", "plans.yaml", "--nothing=1"])


def lines_of(page: Path) -> list[str]:
    """The lines of a page's blocks, with those that a backslash joins."""
    blocks = re.findall(r"^```[a-z]*\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    return [line.strip() for block in blocks for line in block.replace("\\\n", " ").splitlines()]


def words_of(line: str) -> list[str]:
    """The words of the command in a line, behind its name; none where the line is no command."""
    found = re.match(r"(?:\$ )?(?:.* \| )?(?:\.venv/bin/)?usage-meter (.*)", line)
    return [] if found is None else shlex.split(re.split(r"\s[#|>]\s|\s&&\s", found[1])[0], comments=True)


def unknown_options(words: list[str]) -> list[str]:
    """The options that the command does not have.

    Raises:
        UsageError: there is no such command.
    """
    command: Any = get_command(app)
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        _, command, words = command.resolve_command(Context(command), words)
    known = {"--help", *(one for each in command.params for one in (*each.opts, *each.secondary_opts))}
    return [
        word for word in (one.split("=")[0] for one in words if one.startswith("--")) if word not in known
    ]


def test_folders() -> None:
    """The folders of the README are there."""
    named = re.findall(r"^([a-z_]+)/ {2,}", README, re.MULTILINE)
    assert len(named) > 8
    assert [] == [folder for folder in named if not (ROOT / folder).is_dir()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links(page: Path) -> None:
    """Every link within the project leads to a file."""
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
    missing = [one for one in targets if "://" not in one and not (page.parent / one).exists()]
    assert [] == missing
