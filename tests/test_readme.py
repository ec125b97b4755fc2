"""The README and the pages tell the truth: commands exist, links lead somewhere."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
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
