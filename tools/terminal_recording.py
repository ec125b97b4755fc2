"""Draws docs/first-call.svg: what a terminal shows of the first counted calls.

    python -m tools.terminal_recording

The commands really run, one after the other, against a local cloud in which some calls were played.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from rich.console import Console
from rich.text import Text

from local_cloud.pipeline import Listeners, Pipeline
from local_cloud.playback.player import AccessLogPlayer
from local_cloud.playback.traffic import TrafficSettings, generate
from local_cloud.stack import LocalCloud

PICTURE: Final = Path(__file__).resolve().parent.parent / "docs" / "first-call.svg"
COLUMNS: Final = 80
SPAN: Final = timedelta(hours=1)
LINES: Final = "access.jsonl"
COMMANDS: Final = (
    ("lines", LINES),
    ("top", "--limit", "3"),
    ("usage", "BUSIEST"),
)
"""BUSIEST is the key that `top` names first."""


class Shown(NamedTuple):
    """A command, and what the terminal showed."""

    command: str
    output: str


def drawn(shown: Iterable[Shown], title: str) -> str:
    """The picture. It has nothing that a browser would have to fetch."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    for one in shown:
        console.print(Text(f"$ {one.command}", style="bold"), end="\n", highlight=False)
        console.print(Text.from_ansi(one.output), highlight=False)
    picture = console.export_svg(title=title)
    return re.sub(r"@font-face \{.*?\}\s*|<!--.*?-->\s*", "", picture, flags=re.DOTALL)


def recorded(folder: Path) -> list[Shown]:
    """Play the calls of a few keys in the last hour, and run the commands in the folder."""
    settings = TrafficSettings(300, 3, start=datetime.now(UTC) - SPAN, span=SPAN)
    lines = list(generate(settings))
    (folder / LINES).write_text("\n".join(lines) + "\n", encoding="utf-8")
    with LocalCloud() as cloud:
        cloud.publish()
        for _ in AccessLogPlayer(cloud.client("logs"), cloud.clock, cloud.log_group).play(lines):
            pass
        with Pipeline(cloud, Listeners()) as pipeline:  # finds all of it, so that the list of `top` has all
            pipeline.drain()
        environment = {**cloud.endpoint.environment, "FORCE_COLOR": "1", "COLUMNS": str(COLUMNS)}
        shown: list[Shown] = []
        for named in COMMANDS:
            words = tuple(_busiest(shown) if word == "BUSIEST" else word for word in named)
            shown.append(Shown(f"usage-meter {' '.join(words)}", _run(words, folder, environment)))
    return shown


def _busiest(shown: list[Shown]) -> str:
    """The first key of the table that `top` shows."""
    (table,) = [one.output for one in shown if one.command.startswith("usage-meter top")]
    keys = re.findall(r"\b[a-z0-9]{10}\b", Text.from_ansi(table).plain)
    return str(keys[0])


def _run(words: tuple[str, ...], folder: Path, environment: dict[str, str]) -> str:
    program = Path(sys.executable).with_name("usage-meter")
    done = subprocess.run(  # noqa: S603 - our own command
        [program, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return done.stdout.rstrip("\n") + "\n"


def main() -> None:
    """Draw the picture."""
    with tempfile.TemporaryDirectory() as folder:
        PICTURE.write_text(drawn(recorded(Path(folder)), "The first counted calls"), encoding="utf-8")


if __name__ == "__main__":
    main()
