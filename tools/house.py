"""Measures of the tree beside those of an earlier commit: how it reads, and what is known in two places.

    python -m tools.house [--since 9104a41] [--json]

Only the product is measured, without tests and tools. Templates of pages count as lines, not as modules.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import subprocess
import sys
import tarfile
from collections import Counter, defaultdict
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = (
    *("metering", "adapters", "stream_processor", "firehose_transform", "quota_authorizer", "usage_api"),
    *("reconciliation", "watch", "local_cloud", "simulation", "cli", "benchmarks"),
)
BEFORE = "9104a41"
"""The last commit with flat folders."""

MAY_GROW = {
    "modules": "the product does more: invoices in time, the chain of what was billed, repairs, the watch of "
    "the source; a module is as long as it was, see the lines a module",
    "lines of Python": "as for the modules",
    "lines a module": "docstrings, 20 lines a module in place of 18; of code it has 85 as before",
    "lines of templates": "pages were texts in Python before",
    "protocols": "a port beside whoever needs it, of what it needs and no more (docs/decisions/0005): "
    "they grow with the modules, see the protocols in a hundred modules",
    "protocols in a hundred modules": "13.9 in place of 13.4: archives of months meet table, bucket, "
    "recoveries, stream, look-ups and reconciliation, each by the port of what it needs",
}
"""Why a figure may be higher than it was: whatever else is, is a fault of this tree."""


def measures(root: Path) -> dict[str, int]:
    """What the tree under ``root`` measures, by the name of each figure."""
    modules = {
        path.relative_to(root): path.read_text(encoding="utf-8")
        for package in PACKAGES
        for path in sorted((root / package).rglob("*.py"))
        if path.name != "__init__.py"
    }
    trees = {path: ast.parse(text) for path, text in modules.items()}
    classes = [
        (node, path)
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    ]
    places: defaultdict[str, set[Path]] = defaultdict(set)
    for node, path in classes:
        if not node.name.startswith("_") and node in trees[path].body:
            places[node.name].add(path)
    folders = Counter(path.parent for path in modules)
    return {
        "modules": len(modules),
        "lines of Python": (lines := sum(text.count("\n") for text in modules.values())),
        "lines a module": round(lines / max(1, len(modules))),
        "lines of templates": sum(
            path.read_text(encoding="utf-8").count("\n")
            for package in PACKAGES
            for path in (root / package).rglob("templates/*.html")
        ),
        "modules in the fullest folder": max(folders.values(), default=0),
        "folders with more than 13 modules": sum(size > 13 for size in folders.values()),
        "class names in two or more modules": sum(len(found) > 1 for found in places.values()),
        "clauses that catch errors of botocore": sum(_catches_botocore(tree) for tree in trees.values()),
        "modules that know errors of botocore": sum(
            "from botocore.exceptions" in text for text in modules.values()
        ),
        "protocols": (protocols := sum(map(_is_protocol, (node for node, _ in classes)))),
        "protocols in a hundred modules": round(100 * protocols / max(1, len(modules))),
        "lines with Any": sum(
            bool(re.search(r"\bAny\b", line)) for text in modules.values() for line in text.splitlines()
        ),
    }


def _is_protocol(node: ast.ClassDef) -> bool:
    return any(ast.unparse(base).startswith("Protocol") for base in node.bases)


def reasons(before: dict[str, int], now: dict[str, int]) -> dict[str, str]:
    """Why each figure that is higher than before may be so; an empty text for one that may not."""
    return {name: MAY_GROW.get(name, "") for name, figure in now.items() if figure > before[name]}


def _catches_botocore(tree: ast.Module) -> int:
    names = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "botocore.exceptions"
        for alias in node.names
    }
    return sum(
        isinstance(node, ast.ExceptHandler)
        and node.type is not None
        and bool(names & {one.id for one in ast.walk(node.type) if isinstance(one, ast.Name)})
        for node in ast.walk(tree)
    )


def at_commit(commit: str) -> dict[str, int]:
    """The measures of a commit.

    Raises:
        subprocess.CalledProcessError: git does not know it, as in a clone without history.
    """
    archive = subprocess.run(  # noqa: S603 - git, with a commit of the caller's
        ["git", "-C", str(ROOT), "archive", commit],  # noqa: S607 - the git on the path
        check=True,
        capture_output=True,
    ).stdout
    with TemporaryDirectory() as folder:
        with tarfile.open(fileobj=BytesIO(archive)) as files:
            files.extractall(folder, filter="data")
        return measures(Path(folder))


def main() -> int:
    """Print the measures of an earlier commit and of the work tree, and why some are higher: the exit code is
    1 if one is without a reason.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--since", default=BEFORE, metavar="COMMIT", help="the commit to compare with")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    before, now = at_commit(arguments.since), measures(ROOT)
    if arguments.json:
        print(json.dumps({arguments.since: before, "now": now}, indent=2))
        return 0
    print(f"{'':40}{arguments.since:>10}{'now':>10}")
    for name, figure in now.items():
        print(f"{name:40}{before[name]:>10,}{figure:>10,}")
    higher = reasons(before, now)
    print("\nWhy a figure is higher than it was:" if higher else "")
    for name, reason in higher.items():
        print(f"  {name}: {reason or 'for no reason that is known'}")
    return int(not all(higher.values()))


if __name__ == "__main__":
    sys.exit(main())
