"""How this command is typed: what is printed for the user to type must work as it is."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

NAME = "usage-meter"


def this_command(*, elsewhere: bool = False) -> str:
    """`usage-meter` where the shell finds it so, else its path, from the folder where the user is; or from
    anywhere, for another terminal.
    """
    typed = Path(sys.argv[0])
    if typed.name != NAME:
        return NAME
    found = shutil.which(NAME)
    here = typed.absolute()
    if found is not None and Path(found).absolute() == here:
        return NAME
    folder = Path.cwd()
    if elsewhere or not here.is_relative_to(folder):
        return shlex.quote(str(here))
    near = str(here.relative_to(folder))
    return shlex.quote(near if "/" in near else f"./{near}")
