"""The page on security: what it says is held by a test, is held by a test that exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "security.md").read_text()
LEAST_THREATS = 40
LEAST_REQUIREMENTS = 30


def rows_of(heading: str) -> list[list[str]]:
    """The cells of each row of the table of a section, without its head."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("|")]
    return rows[2:]


THREATS = rows_of("Threats")
REQUIREMENTS = rows_of("What of OWASP ASVS it claims")


@cache
def names_in(path: str) -> frozenset[str]:
    """The tests of a file, those of a class with the class before them."""
    found = set()
    for node in ast.parse((ROOT / path).read_text()).body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        before = f"{node.name}::" if isinstance(node, ast.ClassDef) else ""
        found |= {f"{before}{one.name}" for one in inner if isinstance(one, ast.FunctionDef)}
    return frozenset(found)


@pytest.mark.parametrize("row", [*THREATS, *REQUIREMENTS], ids=lambda row: row[0].strip("* "))
def test_held(row: list[str]) -> None:
    """The last cell of each row names tests, and each of them exists."""
    named = re.findall(r"`([^`]+)`", row[-1])
    assert named, "a row without a test claims what nobody has shown"
    for one in named:
        path, _, name = one.partition("::")
        assert (ROOT / path).is_file(), one
        assert name.rpartition("::")[2].startswith("test_"), one
        assert name in names_in(path), one


def test_tables() -> None:
    """Both tables are read to their end: all rows have as many cells as the head, and none is there twice."""
    assert len(THREATS) >= LEAST_THREATS
    assert len(REQUIREMENTS) >= LEAST_REQUIREMENTS
    assert {4} == {len(row) for row in THREATS}
    assert {3} == {len(row) for row in REQUIREMENTS}
    first = [row[0] for row in (*THREATS, *REQUIREMENTS)]
    assert len(first) == len(set(first))
