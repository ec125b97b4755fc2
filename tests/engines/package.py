"""The package of the functions for this machine and this Python, in which ministack runs them.

`python -m tests.engines.package` downloads its wheels: `make engines` does so before it closes the network.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.package.wheels import MACHINE
from tools.build_lambda import build, download, zip_folder

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


def wheels() -> Path:
    """The folder of its wheels, downloaded unless it is there."""
    return download(MACHINE, PYTHON)


def make(folder: Path) -> Path:
    """The package, as a zip."""
    build(folder, wheels(), MACHINE, PYTHON)
    return zip_folder(folder)


if __name__ == "__main__":
    wheels()
