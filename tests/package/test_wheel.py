"""The project as a wheel, installed into an environment that has what the wheel requires and nothing else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Final

import pytest
from packaging.requirements import Requirement

from local_cloud.playback.traffic import TrafficSettings, generate

ROOT: Final = Path(__file__).resolve().parents[2]

EVERY_MODULE: Final = """
import importlib, pkgutil, sys
for package in sys.argv[1:]:
    for module in pkgutil.walk_packages([sys.path[1] + "/" + package], package + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
"""

EVERY_HELP: Final = """
import typer.main
from typer.testing import CliRunner
from cli.main import app

def leaves(command, path=()):
    for name, below in getattr(command, "commands", {}).items():
        yield from leaves(below, (*path, name))
    if not hasattr(command, "commands"):
        yield path

for path in leaves(typer.main.get_command(app)):
    result = CliRunner().invoke(app, [*path, "--help"])
    assert result.exit_code == 0, (path, result.output)
    print(" ".join(path))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The variables of a process that finds the wheel and all that it requires, and not this checkout."""
    required = tmp_path_factory.mktemp("required")
    for found in _required(Distribution.at(next(wheel.glob("*.dist-info")))):
        for top in {Path(file.parts[0]) for file in found.files or () if file.parts[0] != ".."}:
            if not (required / top).exists():
                (required / top).symlink_to(Path(str(found.locate_file(top))))
    home = tmp_path_factory.mktemp("home")
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PYTHONPATH": f"{wheel}{os.pathsep}{required}",
        "NO_COLOR": "1",
        "COLUMNS": "80",
    }


def _required(root: Distribution) -> Iterator[Distribution]:
    """The distributions that one requires, and those that they require, each once."""
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [(one, frozenset({""})) for one in _requirements(root, frozenset({""}))]
    while waiting:
        requirement, _ = waiting.pop()
        extras = frozenset(requirement.extras) | {""}
        mark = (re.sub(r"[-_.]+", "-", requirement.name).lower(), extras)
        if mark in seen:
            continue
        seen.add(mark)
        found = distribution(requirement.name)
        yield found
        waiting += [(one, extras) for one in _requirements(found, extras)]


def _requirements(found: Distribution, extras: frozenset[str]) -> Iterator[Requirement]:
    for text in found.requires or ():
        one = Requirement(text)
        if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in extras):
            yield one


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """A run of Python in the environment, in its home: without packages of users, and with no start files."""
    return subprocess.run(
        [sys.executable, "-S", *arguments],
        cwd=environment["HOME"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


class TestWheel:
    def test_files(self, wheel: Path) -> None:
        """The template, the mark of types, and the README as its description are in it."""
        assert (wheel / "local_cloud/template/template.yaml").read_bytes() == (
            ROOT / "infra/template.yaml"
        ).read_bytes()
        packages = [one.name for one in wheel.iterdir() if (one / "__init__.py").is_file()]
        assert {"metering", "cli"} <= set(packages)
        assert [] == [one for one in packages if not (wheel / one / "py.typed").is_file()]
        metadata = Distribution.at(next(wheel.glob("*.dist-info"))).metadata
        assert "text/markdown" == metadata["Description-Content-Type"]

    @pytest.mark.exhaustive
    def test_every_module(self, wheel: Path, environment: dict[str, str]) -> None:
        """Each module can be imported: nothing that it needs is a tool of developers, or in the checkout."""
        packages = sorted(one.name for one in wheel.iterdir() if (one / "__init__.py").is_file())
        done = run(environment, "-c", EVERY_MODULE, *packages)
        assert (0, "") == (done.returncode, done.stderr)

    def test_every_command(self, environment: dict[str, str]) -> None:
        """Each command explains itself."""
        done = run(environment, "-c", EVERY_HELP)
        assert (0, "") == (done.returncode, done.stderr)
        assert {"demo", "quota assign", "tariff check"} <= set(done.stdout.splitlines())

    @pytest.mark.exhaustive
    def test_demo(self, environment: dict[str, str], tmp_path: Path) -> None:
        """The demo plays through the whole meter, which is set up by the wheel's own template."""
        log = tmp_path / "access.jsonl"
        log.write_text("\n".join(generate(TrafficSettings(calls=200))), encoding="utf-8")
        start = "import sys; from cli.main import main; sys.exit(main())"
        done = run(environment, "-c", start, "demo", "--access-log", str(log), "--no-serve")
        assert 0 == done.returncode, done.stderr
        assert "No drift: the counters and the lake hold the same 200 events." in " ".join(
            done.stdout.split()
        )
