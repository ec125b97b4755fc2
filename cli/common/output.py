"""Files that a command writes at its end. That they can be written is seen at its beginning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer


def written_later(path: Path | None, option: str = "--json") -> Path | None:
    """The file, if there is a folder for it; whoever waited for a result should not lose it. `option`
    is the one that names it.

    Raises:
        BadParameter: it cannot be written.
    """
    if path is None:
        return None
    if not path.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {path.parent} for {path.name}", param_hint=option)
    try:
        with path.open("a", encoding="utf-8"):
            pass
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be written: {error.strerror}", param_hint=option) from error
    return path


def write_json(path: Path | None, document: Any) -> None:
    """Write a result, if a file was asked for."""
    if path is not None:
        path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
