"""The walks of docs/architecture.md: short enough to be followed, and through files that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")

LONGEST = {
    "One record to a counter": 11,
    "One record to a Parquet row": 8,
    "One look-up": 12,
    "One reconciliation": 16,
    "One quota decision": 10,
}
"""How many files a reader may have to open on each walk."""


def files_of(walk: str) -> list[str]:
    """The files that a walk names, in order."""
    section = PAGE.split(f"## {walk}\n")[1].split("\n## ")[0]
    return re.findall(r"\]\(\.\./([\w./]+)\)", section)


@pytest.mark.parametrize("walk", LONGEST)
def test_a_walk_leads_through_files_that_exist(walk: str) -> None:
    """Whoever follows it opens each."""
    files = files_of(walk)
    assert files
    assert [] == [name for name in files if not (ROOT / name).is_file()]


@pytest.mark.parametrize("walk", LONGEST)
def test_a_walk_is_short(walk: str) -> None:
    """No more files than a reader can keep in mind, and none twice."""
    files = files_of(walk)
    assert sorted(set(files)) == sorted(files)
    assert len(files) <= LONGEST[walk]


@pytest.mark.parametrize("walk", LONGEST)
def test_the_functions_that_a_walk_names_are_there(walk: str) -> None:
    """A name behind a file is defined in that file."""
    section = PAGE.split(f"## {walk}\n")[1].split("\n## ")[0]
    named = re.findall(r"\]\(\.\./([\w./]+\.py)\)\s+`([\w.]+)`", section)
    for file, name in named:
        text = (ROOT / file).read_text(encoding="utf-8")
        for part in name.split("."):
            assert re.search(rf"^\s*(def|class) {part}\b", text, re.MULTILINE), (file, name)


def test_every_room_is_on_the_page() -> None:
    """A package that no walk enters is among the rooms beside the way."""
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "tools"}
    assert {room for room in rooms if f"{room}/" not in PAGE and f"[{room}" not in PAGE} == set()
