"""Which tests `make test-fast` leaves out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.slow_tests import LIST, Recorder, is_slow, names, slow_list

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(
    ("node_id", "fixtures", "slow"),
    [
        ("tests/a.py::test_b", [], True),
        ("tests/a.py::test_b[one-two]", [], True),
        ("tests/a.py::test_bc", [], False),
        ("tests/a.py::test_c", ["tmp_path", "dynamodb_local"], True),
        ("tests/a.py::test_c", ["tmp_path"], False),
    ],
)
def test_is_slow(node_id: str, fixtures: list[str], slow: bool) -> None:
    """A test of the list is, with any parameters; and one that starts another program."""
    assert slow is is_slow(node_id, fixtures, names("# a comment\ntests/a.py::test_b\n"))


def test_list() -> None:
    """The list names each test once, from a quarter of a second on, whatever its parameters are."""
    seconds = {"t.py::a[1]": 0.2, "t.py::a[2]": 0.3, "t.py::a[3]": 0.7, "t.py::b": 0.25, "t.py::c": 0.24}
    assert {"t.py::a", "t.py::b"} == names(slow_list(seconds))


def test_recorded(tmp_path: Path) -> None:
    """What a test sets up and what it does are added up; reports of other things change nothing."""
    recorder = Recorder(tmp_path / "list.txt")
    for when, taken in (("setup", [0.15]), ("call", [0.15, 0.15]), ("teardown", [0.15, 0.15])):
        report = pytest.TestReport(
            "t.py::a",
            ("t.py", 1, "a"),
            {},
            "passed",
            None,
            when,  # type: ignore[arg-type]  # one of pytest's three
            user_properties=[("processor seconds", one) for one in taken] + [("other", "x")],
        )
        recorder.pytest_runtest_logreport(report)
    recorder.pytest_sessionfinish()
    assert {"t.py::a"} == names((tmp_path / "list.txt").read_text())


def test_files() -> None:
    """Every file of the list is there: whoever moves one moves its lines too, or records anew."""
    files = {ROOT / name.partition("::")[0] for name in names(LIST.read_text())}
    assert files
    assert [] == [file for file in sorted(files) if not file.exists()]
