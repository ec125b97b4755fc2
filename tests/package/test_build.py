"""The package that is deployed: the same bytes each time, small, whole."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from local_cloud.template.document import Stack, load_template, translated
from tests.examples import sampled
from tests.package.wheels import RUNTIME, interpreter
from tools.build_lambda import (
    LAYER_FOLDER,
    LIMIT_BYTES,
    PACKAGES,
    ROOT,
    SERVICES,
    BuildError,
    build,
    code_sha256,
    files,
    install,
    zip_folder,
)

RESOURCES = translated()["Resources"]
STACK = Stack()
FUNCTIONS = [name for name, one in RESOURCES.items() if one["Type"] == "AWS::Lambda::Function"]
HANDLERS = [STACK.resource(name)["Handler"] for name in FUNCTIONS]
OF_LAMBDA_ITSELF = {"kms"}
"""Services that Lambda calls in a function's name, without the function's code."""


class TestReproducible:
    @pytest.mark.exhaustive
    def test_same_bytes(self, wheels: dict[str, Path], tmp_path: Path) -> None:
        """Two builds of the deployed package give the same bytes."""
        archives = []
        for name in ("first", "second"):
            build(tmp_path / name / "lambda", wheels["deployed"], "arm64", RUNTIME)
            archives.append(zip_folder(tmp_path / name / "lambda"))
        first, second = (archive.read_bytes() for archive in archives)
        assert first == second
        assert code_sha256(archives[0]) == code_sha256(archives[1])

    @pytest.mark.exhaustive
    def test_nothing_of_this_machine(self, package: Path) -> None:
        """Neither the time, nor the user, nor the folder of the build is in it."""
        with zipfile.ZipFile(zip_folder(package)) as archive:
            assert {(1980, 1, 1, 0, 0, 0)} == {entry.date_time for entry in archive.infolist()}
            assert {0o100644} == {entry.external_attr >> 16 for entry in archive.infolist()}
            assert archive.namelist() == sorted(archive.namelist(), key=lambda name: name.split("/"))
        folder = str(package.parent).encode()
        assert [] == [path for path in files(package) if folder in path.read_bytes()]


class TestContent:
    def test_small(self, package: Path) -> None:
        """Far under Lambda's limit, since all of it is loaded at a cold start."""
        assert sum(path.stat().st_size for path in files(package)) < LIMIT_BYTES

    def test_deployed_architecture(self, wheels: dict[str, Path]) -> None:
        """The wheels are those of the template's architecture and Python version."""
        runtime = load_template()["Globals"]["Function"]
        assert ["arm64"] == runtime["Architectures"]
        tag = f"cp{runtime['Runtime'].removeprefix('python').replace('.', '')}"
        compiled = [wheel.name for wheel in wheels["deployed"].glob("*.whl") if "-none-any" not in wheel.name]
        assert compiled
        assert [] == [name for name in compiled if "aarch64" not in name]
        assert [] == [name for name in compiled if tag not in name and "abi3" not in name]

    def test_every_handler(self, package: Path) -> None:
        """The code of every function of the template is in it, and no test."""
        assert {handler.partition(".")[0] for handler in HANDLERS} <= set(PACKAGES)
        assert [] == [
            one for one in HANDLERS if not (package / one.replace(".handler.handler", "/handler.py")).exists()
        ]
        assert [] == [path for path in files(package) if "tests" in path.relative_to(package).parts]

    def test_files_beside_the_code(self, package: Path) -> None:
        """Page, templates, styles and queries are in it, to the last file."""
        beside = _beside_the_code()
        assert {".css", ".html", ".js", ".sql"} <= {path.suffix for path in beside}
        assert [] == [path for path in beside if not (package / path).exists()]

    def test_wheel(self, tmp_path: Path) -> None:
        """The wheel of the project has the same files."""
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
            assert [] == [path for path in _beside_the_code() if path.as_posix() not in wheel.namelist()]

    def test_services(self, package: Path) -> None:
        """The client knows every service that a function's role lets it call, and not 400 more."""
        roles = {STACK.resource(name)["Role"] for name in FUNCTIONS}
        allowed = {
            action.partition(":")[0]
            for name, one in RESOURCES.items()
            if one["Type"] == "AWS::IAM::Role" and STACK.arn(name) in roles
            for action in _actions(STACK.resource(name))
        }
        assert allowed - OF_LAMBDA_ITSELF <= SERVICES
        assert {path.name for path in (package / "botocore/data").iterdir() if path.is_dir()} <= SERVICES

    def test_licences(self, package: Path) -> None:
        """What is shipped keeps its licence."""
        assert (package / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
        assert {path.name for path in package.glob("*.dist-info")}


class TestImport:
    @pytest.mark.parametrize("handler", sampled(HANDLERS, 1))  # test_handlers.py has each of them at work
    def test_alone(self, package: Path, handler: str) -> None:
        """Every handler is imported by the runtime's Python with nothing around it, and builds nothing then:
        it has no setting and no credentials.
        """
        module = handler.removesuffix(".handler")
        code = (
            f"import sys; sys.path.insert(0, {str(package)!r}); import {module}; print(callable({handler}))"
        )
        done = subprocess.run(
            [interpreter(), "-I", "-S", "-B", "-c", code],
            env={"PATH": os.defpath},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ("True\n", "") == (done.stdout, done.stderr)


class TestLayer:
    def test_place(self, tmp_path: Path) -> None:
        """In a layer the same files are where Lambda's Python looks for them."""
        (tmp_path / "layer" / "metering").mkdir(parents=True)
        (tmp_path / "layer" / "metering" / "usage.py").touch()
        with zipfile.ZipFile(zip_folder(tmp_path / "layer", LAYER_FOLDER)) as archive:
            assert ["python/metering/usage.py"] == archive.namelist()

    def test_own_authorizer(self, package: Path) -> None:
        """The package has everything that an authorizer of somebody's own needs: the example of the
        documentation is loaded with nothing else, up to the setting that is missing here.
        """
        example = ROOT / "docs" / "examples" / "own_authorizer.py"
        code = f"import sys, runpy; sys.path[:0] = [{str(package)!r}]; runpy.run_path({str(example)!r})"
        command = [str(interpreter()), "-I", "-S", "-B", "-c", code]
        done = subprocess.run(command, env={"PATH": os.defpath}, capture_output=True, text=True, check=False)
        assert done.stderr.rstrip().endswith("COUNTERS_TABLE is not set")


class TestFailure:
    def test_missing_wheel(self, tmp_path: Path) -> None:
        """Without a wheel of the lock file there is no package, and the error is pip's own."""
        (tmp_path / "wheels").mkdir()
        with pytest.raises(BuildError, match="No matching distribution found"):
            install(tmp_path / "lambda", tmp_path / "wheels", "arm64", RUNTIME, "requirements-lambda.lock")


def _beside_the_code() -> list[Path]:
    """Files of the deployed packages that are no Python, relative to the project."""
    return [
        path.relative_to(ROOT)
        for package in PACKAGES
        for path in files(ROOT / package)
        if path.suffix not in (".py", ".pyc") and path.name != "py.typed"
    ]


def _actions(role: dict[str, Any]) -> list[str]:
    statements = [one for policy in role["Policies"] for one in policy["PolicyDocument"]["Statement"]]
    listed = [one["Action"] for one in statements]
    return [action for one in listed for action in ([one] if isinstance(one, str) else one)]
