"""The running API against its own OpenAPI document: schemathesis makes up requests, and judges the answers.

It runs as a command of its own: so all of its phases do, and its warnings are its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from adapters.dynamodb.link_key import LinkKeyBook
from local_cloud.api_gateway.http_front import Access
from local_cloud.api_gateway.lookup_server import LookUpServer
from local_cloud.stack import LocalCloud
from tests.examples import examples
from tests.usage_api.meter import fill
from usage_api.links import HEADER, token_of

KEY, SIGNATURE = "alice", "AWS4-HMAC-SHA256 Credential=local"
ROOT = Path(__file__).resolve().parents[2]
HOOKS = "tests.usage_api.pairs_of_days"
EXAMPLES = examples(20)


class Served(NamedTuple):
    """Look-ups, and a link that is valid there."""

    server: LookUpServer
    link: str


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """The look-ups of a meter that has counted something, which know callers apart."""
    with LocalCloud() as cloud:
        meter = fill(cloud)
        signing = LinkKeyBook(meter.dynamodb, meter.table_name).current_or_new()
        with LookUpServer(cloud, access=Access({KEY}, SIGNATURE)) as running:
            yield Served(running, token_of(KEY, signing, cloud.clock.now(), 60))


def schemathesis(
    server: LookUpServer, folder: Path, *options: str, link: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run it in a folder of its own, always with the same requests."""
    headers = (f"x-api-key: {KEY}", f"Authorization: {SIGNATURE}", f"{HEADER}: {link}")
    return subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            *("run", f"{server.url}openapi.json", "--no-color", "--seed", "1", "--generation-deterministic"),
            *(option for header in headers for option in ("--header", header)),
            *("--max-examples", str(EXAMPLES), *options),
        ],
        cwd=folder,
        env={"PATH": os.defpath, "PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": HOOKS, "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.exhaustive
class TestDocument:
    def test_no_failure(self, served: Served, tmp_path: Path) -> None:
        """Every request that the document allows is answered as it says, every other one refused; nothing
        makes the function fail, and nobody gets in without what the document asks for. (API Gateway answers
        a missing signature with status 403, which one check would have as 401.)
        """
        done = schemathesis(
            served.server,
            tmp_path,
            *("--checks", "all", "--exclude-checks", "missing_required_header"),
            link=served.link,
        )
        assert 0 == done.returncode, done.stdout + done.stderr
        assert "Tested: 25" in done.stdout

    def test_would_be_seen(self, tmp_path: Path) -> None:
        """The test has teeth: a server that takes anybody for an operator is found out."""
        with LocalCloud() as cloud, LookUpServer(cloud) as careless:
            done = schemathesis(careless, tmp_path, "--checks", "ignored_auth", "--max-failures", "1")
        assert 1 == done.returncode
        assert "API accepts" in done.stdout
