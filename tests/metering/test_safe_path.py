"""Names from storage as places of files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.safe_path import path_within

FOLDER = Path("/folder")


@pytest.mark.parametrize(
    "name", ["a", "year=2026/month=10/day=05/meter-1.parquet", "..a", "a..", "Zoë 店/%2E%2E"]
)
def test_within(name: str) -> None:
    """Whatever a name holds that a file system takes as it is."""
    assert FOLDER / name == path_within(FOLDER, name)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            ".",
            "..",
            "/",
            "/etc/passwd",
            "../a",
            "a/../b",
            "a/..",
            "a//b",
            "a/",
            "./a",
            "a/./b",
            "//host/a",
        ),
        *("a\\..\\b", "..\\a", "a\x00b", "a\nb", "\x1b[2J", "a/\u202eb", "\ud800"),
    ],
)
def test_elsewhere(name: str) -> None:
    """A name that leads out of the folder, is no name of a file, or looks like another one."""
    assert path_within(FOLDER, name) is None


@given(st.text(alphabet=st.sampled_from("./\\a\x00") | st.characters()))
def test_any_name(name: str) -> None:
    """No name leads out of the folder, and no two names lead to one place."""
    found = path_within(FOLDER, name)
    if found is not None:
        assert found.resolve().is_relative_to(FOLDER)
        assert found.resolve() != FOLDER
        assert name == found.relative_to(FOLDER).as_posix()
