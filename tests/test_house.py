"""What holds the table of contents: sizes of folders, names, and references that resolve."""

from __future__ import annotations

import ast
import importlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = (
    *("metering", "adapters", "stream_processor", "firehose_transform", "quota_authorizer", "usage_api"),
    *("reconciliation", "watch", "local_cloud", "simulation", "cli", "benchmarks"),
)

MOST_MODULES = 13
LARGER_FOLDERS = {
    "adapters/dynamodb": "one table, a module for each kind of item in it",
    "benchmarks": "a module for each measurement",
    "cli/look_up": "four commands with what they show; a command is a front and a session",
    "metering/calls": "one way from bytes to calls and rows, a module for each step",
    "metering/prices": "one business, from money to invoice",
    "simulation/protocol": "one world and each of its parts",
    "usage_api": "one HTTP application, a module for each of its concerns",
}
"""Folders that hold more, each with the reason."""

NOUNS_THAT_LOOK_LIKE_VERBS = {
    *(
        "billing",
        "billing_chain",
        "billing_rule",
        "closing",
        "numbering",
        "rating",
        "repricing",
        "sizing",
        "wiring",
    ),  # what the trade says
    *("event_source_mapping", "mapping", "object_listing"),  # AWS's word; a list of objects
    *(
        "billed_months",
        "dated_fields",
        "failed_records",
        "logged_call",
        "malformed_line",
        "stored_object",
    ),  # a participle that qualifies a noun
    *("deciding", "decoding", "looking_up", "reconciling", "transforming"),  # the activity that is measured
    "report_reading",
}

SHARED_CLASS_NAMES = {
    "Clocks": "the wall clock and the monotonic clock, of two functions that never import one another",
    "Completeness": "a value of the core, and what the look-ups need of it",
    "Contradiction": "of counters among themselves, and of a tariff with what was billed",
    "CounterSource": "a port: each consumer names the part that it needs",
    "Fault": "of a file, and of a simulated world",
    "Held": "a counter's figure, and a side's",
    "KeyFields": "of a key in the file of plans, and in the tariff",
    "KeysPage": "what the store returns, and what the look-ups need of it",
    "Page": "of a query, and of the ledger",
    "Place": "in a file, and of a curve",
    "Refusal": "of a quota, and of a listener",
    "ShardProgress": "a value of the core, and what the look-ups need of it",
    "Unauthorized": "API Gateway's exception, and a problem of HTTP",
}
"""Public classes of the same name in several modules, each with the reason."""

BOTO_ERRORS_AT = {
    "adapters/errors.py",
    "cli/common/errors.py",
    *(f"adapters/dynamodb/hot_path/{name}.py" for name in ("conditional_writes", "http_pool", "sigv4")),
    # The local cloud brings these errors about, or stands in for the service that meets them.
    "simulation/soak/faults.py",
    "simulation/exploration/jobs.py",  # S3 under every order of requests
    *("local_cloud/faults/lake_faults.py", "local_cloud/faults/write_faults.py"),
    "local_cloud/firehose/delivery_stream.py",
}
"""Where errors of botocore are known: at the border's primitives, and nowhere behind them."""


@cache
def modules() -> tuple[Path, ...]:
    """The Python files of the product, relative to its root."""
    return tuple(
        sorted(
            path.relative_to(ROOT)
            for package in PACKAGES
            for path in (ROOT / package).rglob("*.py")
            if "__pycache__" not in path.parts
        )
    )


@cache
def tree(module: Path) -> ast.Module:
    """A module's syntax."""
    return ast.parse((ROOT / module).read_text(encoding="utf-8"))


def test_a_folder_can_be_read_at_a_glance() -> None:
    """At most 13 modules lie side by side, but for folders that are named here with their reason."""
    sizes = Counter(str(path.parent) for path in modules() if path.stem not in {"__init__", "__main__"})
    crowded = {folder for folder, size in sizes.items() if size > MOST_MODULES}
    assert crowded <= LARGER_FOLDERS.keys()


def test_modules_are_named_by_nouns() -> None:
    """A noun can head a section of a table of contents, a participle cannot."""
    verbs = {path.stem for path in modules() if re.search(r"(ing|ed)(_|$)", path.stem)}
    assert set() == verbs - NOUNS_THAT_LOOK_LIKE_VERBS


def test_a_public_class_has_a_name_of_its_own() -> None:
    """One word has one meaning: classes share a name only where it is listed with its reason."""
    places: defaultdict[str, set[Path]] = defaultdict(set)
    for path in modules():
        for node in tree(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].add(path)
    shared = {name for name, found in places.items() if len(found) > 1}
    assert shared <= SHARED_CLASS_NAMES.keys()


def test_errors_of_boto3_end_at_the_border() -> None:
    """Behind the border's primitives, only the meter's own errors are known."""
    knowing = {
        path.as_posix()
        for path in modules()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and node.module == "botocore.exceptions"
    }
    assert knowing <= BOTO_ERRORS_AT


@pytest.mark.parametrize("path", [path for path in modules() if path.name == "__init__.py"], ids=str)
def test_a_folder_says_what_it_is(path: Path) -> None:
    """A line at the head of each folder: what a reader finds in it."""
    assert ast.get_docstring(tree(path))


def references(module: Path) -> Iterator[str]:
    """What the texts of a module refer to, by its full dotted name."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for name in re.findall(r":(?:mod|class|func|meth|data|attr):`~?([\w.]+)`", node.value):
                if name.split(".")[0] in PACKAGES:
                    yield name


def resolves(name: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for part in parts[end:]:
            if not hasattr(found, part) and part not in getattr(found, "__annotations__", {}):
                return False
            found = getattr(found, part, None)
        return True
    return False


def test_references_resolve() -> None:
    """What a docstring points to is there."""
    broken = {
        f"{path}: {name}"
        for path in modules()
        for name in sorted(set(references(path)))
        if not resolves(name)
    }
    assert set() == broken
