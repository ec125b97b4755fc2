"""The wheels that the tests of the package need.

`python -m tests.package.wheels` downloads them: `make test` does so before it closes the network.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from functools import cache
from pathlib import Path

from local_cloud.template.document import load_template
from tools.build_lambda import LOCK, BuildError, download

RUNTIME = load_template()["Globals"]["Function"]["Runtime"].removeprefix("python")
"""The Python version of the functions."""

RUNTIME_CLIENT_LOCK = "requirements-runtime.lock"
MACHINE = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")
"""This machine's architecture, by Lambda's name."""

PYENV = Path.home() / ".pyenv" / "versions"


@cache
def interpreter() -> Path:
    """The interpreter of the functions' Python version; this process's own where the machine has none."""
    named = [os.environ.get("LAMBDA_PYTHON", ""), f"python{RUNTIME}"]
    installed = sorted(map(str, PYENV.glob(f"{RUNTIME}*/bin/python{RUNTIME}")))
    for command in [*filter(None, named), *installed]:
        if version_of(command) == RUNTIME:
            return Path(command)
    return Path(sys.executable)


@cache
def version_of(command: str) -> str | None:
    """The version (3.13) of an interpreter; None if it does not run."""
    ask = [command, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    try:
        return subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def python() -> str:
    """The Python version that the tests run the package with."""
    return version_of(str(interpreter())) or RUNTIME


def needed() -> dict[str, Path]:
    """The folders of wheels: of the deployed package, of one for this machine, of the runtime client.

    Raises:
        BuildError: they are not there, and cannot be downloaded.
    """
    return {
        "deployed": download("arm64", RUNTIME, LOCK),
        "package": download(MACHINE, python(), LOCK),
        "runtime client": download(MACHINE, python(), RUNTIME_CLIENT_LOCK),
    }


if __name__ == "__main__":
    try:
        needed()
    except BuildError as error:
        sys.exit(f"The package will not be tested: {error}")
