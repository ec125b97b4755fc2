"""Files that a command writes at its end."""

import json
from pathlib import Path

import pytest
from typer import BadParameter

from cli.common.output import STANDARD, check_standard_output, output, write_bytes, write_json, written_later


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


def test_json_goes_to_standard_output_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """On one line, in which every character can be seen; what is reported beside it goes to standard error,
    and a picture of the same is left out.
    """
    found = output(json=True, out=None)
    found.screen().print("Reading")
    found.picture().print("a table")
    found.write({"key": "a\u202eb"})

    assert ('{"key": "a\\u202eb"}\n', "Reading\n") == capsys.readouterr()


def test_a_dash_is_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    """Like `--json`, and no file of that name; both together print once. `/dev/stdout` is the same."""
    output(json=False, out=STANDARD).write({"metered": 3})
    found = output(json=True, out=Path("/dev/stdout"))
    found.picture().print("a table")
    assert (STANDARD,) == found.places
    output(json=True, out=STANDARD).write({"metered": 4})
    write_bytes(STANDARD, b"a,b\n")

    assert '{"metered": 3}\n{"metered": 4}\na,b\n' == capsys.readouterr().out


def test_a_file_beside_standard_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both get the result; only the file gets what may be replaced."""
    found = output(json=True, out=tmp_path / "out.json")
    found.write_early({"metered": 3})
    assert {"metered": 3} == json.loads((tmp_path / "out.json").read_text())
    found.write({"metered": 4})

    assert {"metered": 4} == json.loads((tmp_path / "out.json").read_text())
    assert '{"metered": 4}\n' == capsys.readouterr().out


def test_two_results_on_standard_output_are_refused() -> None:
    """Nobody could take them apart."""
    check_standard_output([STANDARD, None, Path("out.csv")])
    with pytest.raises(BadParameter, match="only one result"):
        check_standard_output([STANDARD, STANDARD])
