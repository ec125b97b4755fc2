"""The meter's health as a picture in the terminal."""

from __future__ import annotations

from rich.console import RenderableType

from cli.common.terminal import Text, table
from cli.look_up.usage_view import completeness_line, moment
from usage_api.schemas import HealthAnswer

_STYLES = {
    "ok": "bold green",
    "behind": "bold yellow",
    "losing": "bold red",
    "stopped": "bold red",
    "unknown": "bold yellow",
}


def draw_health(answer: HealthAnswer) -> list[RenderableType]:
    """The status, how far each shard is, what could not be counted for a key, and what to do."""
    lag = "" if answer.lag_seconds is None else f", {answer.lag_seconds:,} s late"
    status = Text.assemble("The meter is ", (answer.status, _STYLES[answer.status]), lag)
    if answer.status == "unknown":
        status = Text.assemble("The state of the meter is ", ("unknown", _STYLES["unknown"]))
    if answer.status == "losing":
        status = Text.assemble("The meter counts, and calls are ", ("lost before it", _STYLES["losing"]), lag)
    shards = table("shard", "counted through", "seconds late", numbers=("seconds late",))
    for shard in answer.shards:
        shards.add_row(Text(shard.shard), moment(shard.counted_through), f"{shard.lag_seconds:,}")
    reserved = table("this month", "requests", numbers=("requests",))
    for name in ("unattributed", "malformed", "undecodable"):
        reserved.add_row(name, f"{getattr(answer.reserved, name).requests:,}")
    lines: list[RenderableType] = [status, Text()]
    if answer.shards:
        lines += [shards, Text()]
    lines += [reserved, Text()]
    lines += [Text(f"- {problem}", "yellow") for problem in answer.problems]
    if answer.problems:
        lines.append(Text())
    return [*lines, completeness_line(answer.as_of, answer.complete_through)]
