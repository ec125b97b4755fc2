"""Files that a command writes at its end."""

import json
from pathlib import Path

import pytest
from typer import BadParameter

from cli.common.output import write_json, written_later


def test_a_result_is_written(tmp_path: Path) -> None:
    """As JSON that people can read."""
    path = written_later(tmp_path / "out.json")
    write_json(path, {"metered": 3})

    assert {"metered": 3} == json.loads((tmp_path / "out.json").read_text())


def test_nothing_is_written_unasked() -> None:
    """No file, no result."""
    assert written_later(None) is None
    write_json(None, {"metered": 3})


def test_a_folder_that_is_missing_is_noticed_before_the_work(tmp_path: Path) -> None:
    """Not after it."""
    with pytest.raises(BadParameter, match="there is no folder"):
        written_later(tmp_path / "nowhere" / "out.json")


def test_a_file_that_cannot_be_written_is_noticed_before_the_work(tmp_path: Path) -> None:
    """Here because it is a folder."""
    with pytest.raises(BadParameter, match="cannot be written: Is a directory"):
        written_later(tmp_path)
