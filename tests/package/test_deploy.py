"""`sam package`, with which `make deploy` begins, run against the local S3."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_cloud.endpoint.server import LocalEndpoint
from local_cloud.template.document import TEMPLATE
from tools.build_lambda import ROOT, zip_folder

SAM = ROOT / ".venv-sam" / "bin" / "sam"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[LocalEndpoint]:
    """An account with a bucket for packages."""
    with LocalEndpoint() as running:
        running.client("s3").create_bucket(Bucket="packages")
        yield running


@pytest.fixture(scope="module")
def packaged(
    endpoint: LocalEndpoint, package: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    """The template as CloudFormation gets it, and the package that was made for it."""
    if not SAM.exists():
        if os.environ.get("CI") == "true":
            pytest.fail("SAM is not installed: run `make check`")
        pytest.skip("SAM is not installed: run `make check`")
    folder = tmp_path_factory.mktemp("deployment")
    archive = zip_folder(package)
    (folder / "template.yaml").write_text(
        TEMPLATE.read_text(encoding="utf-8").replace("../build/lambda.zip", str(archive)), encoding="utf-8"
    )
    command = [
        str(SAM),
        "package",
        "--template-file",
        str(folder / "template.yaml"),
        "--s3-bucket",
        "packages",
    ]
    subprocess.run(
        [*command, "--output-template-file", str(folder / "packaged.yaml")],
        env={**endpoint.environment, "PATH": os.defpath, "HOME": str(folder), "SAM_CLI_TELEMETRY": "0"},
        check=True,
        capture_output=True,
    )
    return (folder / "packaged.yaml").read_text(encoding="utf-8"), archive


class TestPackage:
    def test_as_it_was_built(self, endpoint: LocalEndpoint, packaged: tuple[str, Path]) -> None:
        """The zip is uploaded once, byte for byte, so that a function's CodeSha256 is that of the build."""
        template, archive = packaged
        keys = set(re.findall(r"CodeUri: s3://packages/(\S+)", template))
        assert 1 == len(keys)
        body = endpoint.client("s3").get_object(Bucket="packages", Key=keys.pop())["Body"].read()
        assert archive.read_bytes() == body

    def test_no_aliases(self, packaged: tuple[str, Path]) -> None:
        """Anchors and merges of YAML are written out: CloudFormation reads neither."""
        template, _ = packaged
        assert [] == re.findall(r"^\s*<<:|[&*]id\d+|: [&*]\w", template, re.MULTILINE)
        assert template.count("AlarmActions:") > 10
