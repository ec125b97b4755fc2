"""ministack, an emulator of AWS that is not ours, as an account."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest
from botocore.config import Config

from local_cloud.template.document import REGION, load_template
from tools.build_lambda import ROOT
from tools.build_lambda import main as build_package

ENGINES = ROOT / ".venv-engines" / "bin"
SAM = ROOT / ".venv-sam" / "bin" / "sam"
UNKNOWN_TO_MINISTACK = {"AWS::Athena::NamedQuery", "AWS::Logs::QueryDefinition"}
"""Types of the template that ministack 1.5.33 refuses by name, as it does alarms on expressions. Only the
dashboard, which is not there by default, refers to one of them.
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave these tests to `make engines`, which sets up what they need, before any of it is built."""
    if os.environ.get("USAGE_METER_ENGINES") == "true":
        return
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip("engines that are not ours: run `make engines`"))


class Engine(NamedTuple):
    """A running ministack."""

    address: str
    access_key: str = "test"
    secret_key: str = "test"

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which commands talk to it, and to nothing else."""
        return {
            "PATH": os.defpath,
            "AWS_ENDPOINT_URL": self.address,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "SAM_CLI_TELEMETRY": "0",
        }

    def client(self, service: str, **keys: str) -> Any:
        """A client of it, as whom the keys say."""
        return boto3.session.Session().client(
            service,  # type: ignore[call-overload]  # any service's name
            endpoint_url=self.address,
            region_name=REGION,
            config=Config(retries={"max_attempts": 1}),
            **{"aws_access_key_id": self.access_key, "aws_secret_access_key": self.secret_key, **keys},
        )


def needed(*programs: Path) -> None:
    """Skip where a program is not installed; where the engines are asked for, that is a failure."""
    missing = [str(program.relative_to(ROOT)) for program in programs if not program.exists()]
    if missing:
        message = f"{', '.join(missing)}: run `make engines`"
        if os.environ.get("USAGE_METER_ENGINES") == "true":
            pytest.fail(message)
        pytest.skip(message)


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def started(folder: Path, **variables: str) -> Iterator[Engine]:
    """Run ministack until the test is over."""
    needed(ENGINES / "ministack")
    port = free_port()
    environment = {
        "PATH": f"{ROOT / '.venv' / 'bin'}:{os.defpath}",
        "HOME": str(folder),
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "LAMBDA_EXECUTOR": "local",
        **variables,
    }
    with (folder / "ministack.log").open("wb") as log:
        process = subprocess.Popen(
            [ENGINES / "ministack"], env=environment, cwd=folder, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            _wait_for(process, port)
            yield Engine(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
            process.wait(30)


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"ministack ended with {process.returncode}")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An account in which everybody may do everything."""
    yield from started(tmp_path)


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package that `make build` makes."""
    folder = tmp_path_factory.mktemp("package") / "lambda"
    build_package(["--output", str(folder)])
    return folder.with_suffix(".zip")


@pytest.fixture
def template(tmp_path: Path, package: Path) -> Path:
    """The template, as far as ministack knows its types, with the package."""
    path = tmp_path / "template.json"
    path.write_text(json.dumps(known_to_ministack(load_template(), package)), encoding="utf-8")
    return path


def known_to_ministack(template: dict[str, Any], package: Path | str) -> dict[str, Any]:
    """The template without the types that the engine refuses."""
    resources: Mapping[str, Any] = template["Resources"]
    kept = {
        name: one
        for name, one in resources.items()
        if one["Type"] not in UNKNOWN_TO_MINISTACK and "Metrics" not in one.get("Properties", {})
    }
    kept.pop("Dashboard")
    template["Outputs"].pop("DashboardName")
    function = template["Globals"]["Function"] | {"CodeUri": str(package)}
    return {**template, "Resources": kept, "Globals": {"Function": function}}
