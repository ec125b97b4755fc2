"""Names from storage as places of files.

A bucket takes any name, `../../.bashrc` too, and whoever can write an object can choose it. No name of an
object, an account or a month becomes a path but by :func:`path_within`. Pure.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

_LEADS_AWAY: Final = frozenset({"", ".", ".."})
"""Parts that stand for another folder, or that a file system leaves out."""


def path_within(folder: Path, name: str) -> Path | None:
    """The place of a name below a folder, with `/` between folders; None for a name that leads elsewhere, or
    that two file systems would read as two places.
    """
    return folder.joinpath(*name.split("/")) if all(map(_is_fit, name.split("/"))) else None


def _is_fit(part: str) -> bool:
    return part not in _LEADS_AWAY and part.isprintable() and "\\" not in part
