"""What is installed is what was locked: by hash, and without running code of a package."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = (
    ROOT / "Makefile",
    *sorted((ROOT / "tools").glob("*/install")),
    *sorted((ROOT / "tools").glob("*.py")),
)
PACKAGES_OF_NPM = sorted((ROOT / "tools").glob("*/package-lock.json"))
LOCKS = sorted(ROOT.glob("requirements*.lock"))


def lines_with(pattern: str) -> list[str]:
    """All lines of makefiles, scripts and tools that match."""
    return [line for file in COMMANDS for line in file.read_text().splitlines() if re.search(pattern, line)]


def test_no_script_of_a_package_runs() -> None:
    """npm runs none when it installs, and pip takes wheels only, which have none."""
    found = lines_with(r"\bnpm (ci|install|i|add|exec)\b|\bnpx\b")
    assert (
        len(PACKAGES_OF_NPM)
        == len(found)
        == len([line for line in found if "npm ci --ignore-scripts" in line])
    )
    from_network = [line for line in lines_with(r"pip.* install\b|\"install\"") if "--no-index" not in line]
    assert from_network
    assert [] == [
        line for line in from_network if "pip install" in line and "--only-binary :all:" not in line
    ]
    assert {"pyspark"} == {  # published as source only; it runs in an environment of its own, by hash
        name for line in from_network for name in re.findall(r"--no-binary (\S+)", line)
    }


def test_everything_by_hash() -> None:
    """Each installation of pip asks for hashes, and each lock file has one for every package."""
    found = [line for line in lines_with(r"pip install ") if "--no-index" not in line]
    assert [] == [line for line in found if "--require-hashes" not in line or ".lock" not in line]
    assert '"--require-hashes"' in (ROOT / "tools" / "build_lambda.py").read_text()
    for lock in LOCKS:
        entries = re.split(r"\n(?=[A-Za-z0-9])", lock.read_text())
        packages = [one for one in entries if re.match(r"[A-Za-z0-9._-]+(\[.*\])?==", one)]
        assert packages, lock
        assert [] == [one.split("==")[0] for one in packages if "--hash=sha256:" not in one], lock


@pytest.mark.parametrize("lock", PACKAGES_OF_NPM, ids=lambda one: one.parent.name)
def test_npm_by_hash(lock: Path) -> None:
    """The lock file of npm has a hash for every package, of which `npm ci` takes no other."""
    packages = {name: one for name, one in json.loads(lock.read_text())["packages"].items() if name}
    assert packages
    assert [] == [
        name for name, one in packages.items() if not one.get("integrity", "").startswith("sha512-")
    ]
