"""The measures of the tree count what they say."""

from __future__ import annotations

from pathlib import Path

from tools.house import measures, reasons

A = """
from typing import Any, Protocol
from botocore.exceptions import ClientError

class Port(Protocol):
    def read(self) -> Any: ...

class Shared: ...

def run(port: Port) -> None:
    try:
        port.read()
    except (ValueError, ClientError):
        pass
    except KeyError:
        pass
"""


def test_what_is_counted(tmp_path: Path) -> None:
    """Each figure of a small tree; a folder's own file is no module of it."""
    (tmp_path / "metering" / "templates").mkdir(parents=True)
    (tmp_path / "metering" / "__init__.py").write_text("")
    (tmp_path / "metering" / "a.py").write_text(A)
    (tmp_path / "metering" / "b.py").write_text("class Shared: ...\nclass _Hidden: ...\n")
    (tmp_path / "metering" / "templates" / "page.html").write_text("<p>\n</p>\n")
    assert {
        "modules": 2,
        "lines of Python": 18,
        "lines a module": 9,
        "lines of templates": 2,
        "modules in the fullest folder": 2,
        "folders with more than 13 modules": 0,
        "class names in two or more modules": 1,
        "clauses that catch errors of botocore": 1,
        "modules that know errors of botocore": 1,
        "protocols": 1,
        "protocols in a hundred modules": 50,
        "lines with Any": 2,
    } == measures(tmp_path)


def test_an_empty_tree(tmp_path: Path) -> None:
    """Nothing is there, and nothing fails."""
    assert {0} == set(measures(tmp_path).values())


def test_reasons() -> None:
    """What is higher than it was has its reason, or an empty one: nobody knows why."""
    before = {"modules": 2, "lines with Any": 5, "protocols": 1}
    assert {} == reasons(before, before)
    assert ["lines with Any"] == [
        name for name, why in reasons(before, dict.fromkeys(before, 9)).items() if not why
    ]
