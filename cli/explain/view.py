"""What was found of a key, in sections."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.padding import Padding

from cli.common.numbers import of_unknown_size
from cli.common.terminal import Text, table
from cli.explain.explanation import Agreement, Explained, moment
from cli.explain.lake import LakeAnswer
from cli.look_up.usage_chart import bar
from cli.look_up.usage_view import completeness_line, name_of, share, totals_table
from metering.period import day_of
from metering.usage import NO_USAGE, TOTALS
from reconciliation.report.verdict import counted
from usage_api.schemas import LimitStanding

_MOST_DAYS = 5
_STYLES = {Agreement.AGREES: "green", Agreement.DIFFERS: "bold red"}


def draw_explained(found: Explained) -> Iterator[RenderableType]:
    """Section by section; the conclusion comes last, where it is seen first."""
    yield Text.assemble((found.key, "bold"), f"  {found.period}")
    yield completeness_line(found.quota.as_of, found.quota.complete_through)
    yield from _section("Counter", _counter(found))
    if found.repairs:
        yield from _section("Repairs", _repairs(found))
    yield from _section("Watermarks", _watermarks(found))
    yield from _section("Lake", _lake(found))
    if found.lake is not None and found.lake.reasons:
        yield from _section("Malformed because", _malformed(found.lake))
    yield from _section("Not billed", _not_billed(found))
    yield from _section("Plan", _plan(found))
    yield from _section("Alerts", _alerts(found))
    yield from _section("Denied", _denied(found))
    style = "bold red" if found.is_problem else "bold"
    yield from _section("Conclusion", (Text(sentence, style) for sentence in found.conclusion()))


def _section(title: str, content: Iterator[RenderableType]) -> Iterator[RenderableType]:
    yield Text()
    yield Text(title, "bold cyan")
    for one in content:
        yield Text.assemble("  ", one) if isinstance(one, Text) else Padding(one, (0, 0, 0, 2), expand=False)


def _counter(found: Explained) -> Iterator[RenderableType]:
    if not found.slices:
        yield Text("None: nothing was counted under this key.")
    else:
        yield totals_table(found.counter.usage)
    if not found.parts:
        return
    yield Text()
    numbers = ("counted", "in the lake", "difference")
    shown = numbers if found.lake is not None else numbers[:1]
    rows = table("UTC", *shown, "", numbers=numbers)
    highest = max(part.counted for part in found.parts)
    for part in found.parts:
        cells: list[str | Text] = [f"{part.counted:,}"]
        if part.in_lake is not None:
            difference = part.counted - part.in_lake
            cells += [
                f"{part.in_lake:,}",
                Text(f"{difference:+,}", "red") if difference else Text("0", "dim"),
            ]
        rows.add_row(part.period, *cells, Text(bar(part.counted, highest), "cyan"))
    yield rows


def _repairs(found: Explained) -> Iterator[RenderableType]:
    for one in found.repairs:
        yield Text(
            f"{one.period}: from {one.before:,} to {counted(one.after, 'request')} by {one.who} at {one.at}, "
            f"report {one.report}: {one.reason}"
        )


def _watermarks(found: Explained) -> Iterator[RenderableType]:
    """Which shards brought calls, and up to which record."""
    if not any(one.watermarks for one in found.slices):
        yield Text("None: no shard has had a call of this key.")
        return
    rows = table("slice", "shard", "counted up to sequence number", numbers=("slice",))
    for one in found.slices:
        for shard, position in one.watermarks.items():
            rows.add_row(str(one.number), shard, str(position))
    yield rows


def _lake(found: Explained) -> Iterator[RenderableType]:
    lake = found.lake
    if lake is None:
        yield Text("It was not queried (--no-lake).")
        return
    yield Text(
        f"{counted(lake.usage.requests, 'call')} in {counted(lake.rows, 'row')}; query {lake.query_id} read "
        f"{counted(lake.scanned_bytes, 'byte')} in {lake.milliseconds / 1000:.1f} s"
    )
    unknown = lake.usage.unknown_request_sizes, lake.usage.unknown_response_sizes
    if any(unknown):
        yield Text(
            f"Without a known size: {counted(unknown[0], 'request')}, {counted(unknown[1], 'response')}; "
            "a price or limit on bytes counts them as 0"
        )
    yield Text(f"Counter and lake: {found.agreement}", _STYLES.get(found.agreement, "yellow"))
    yield from _differences(found, lake)
    if lake.calls:
        rows = table("status", "calls", "", "first", "last", numbers=("status", "calls"))
        for one in lake.by_status():
            billed = "" if one.billable else "not billed"
            rows.add_row(
                str(one.status), f"{one.requests:,}", billed, moment(one.first_at), moment(one.last_at)
            )
        yield rows


def _differences(found: Explained, lake: LakeAnswer) -> Iterator[RenderableType]:
    """Each total in which the two sides differ."""
    difference = found.counter.usage - lake.usage
    if difference == NO_USAGE:
        return
    rows = table("total", "counter", "lake", numbers=("counter", "lake"))
    for name in TOTALS:
        if getattr(difference, name):
            counted, in_lake = (f"{getattr(one, name):,}" for one in (found.counter.usage, lake.usage))
            rows.add_row(name_of(name), counted, in_lake)
    yield rows


def _malformed(lake: LakeAnswer) -> Iterator[RenderableType]:
    """Each reason with an example."""
    for one in lake.reasons:
        text = one.text or "(its text is not kept in the lake)"
        yield Text.assemble((one.reason, "bold"), f": {counted(one.lines, 'line')}, such as {text}")
        if one.example != one.reason:
            yield Text(f"  {one.example.partition(':')[2].strip()}", "dim")


def _not_billed(found: Explained) -> Iterator[RenderableType]:
    usage = found.counter.usage
    left = usage.requests - usage.billable
    yield Text(
        f"{left:,} of {counted(usage.requests, 'request')}, by the counter "
        f"{share(left, usage.requests)}".rstrip()
    )
    for one in found.not_billed:
        yield Text(f"status {one.status}: {counted(one.requests, 'call')}, by the lake")
    if found.lake is None and left:
        yield Text("Their statuses are in the lake, which was not queried.")
    yield Text(
        "Calls without a key and unreadable log lines belong to no key: `usage-meter health` shows them.",
        "dim",
    )


def _plan(found: Explained) -> Iterator[RenderableType]:
    quota = found.quota
    if quota.plan is None:
        yield Text("None, so no limits apply.")
        return
    yield Text(f"{quota.plan}; the key is {quota.status}")
    if not quota.limits:
        yield Text("The plan has no limits.")
        return
    rows = table("limit", "used", "of", "%", "left", "resets", "", numbers=("used", "of", "%", "left"))
    for limit in quota.limits:
        rows.add_row(*_limit(limit))
    yield rows
    for limit in quota.limits:
        if limit.unknown_sizes:
            calls = of_unknown_size(limit.unknown_sizes)
            yield Text(f"{limit.metric}/{limit.span} takes {calls} for 0 bytes", "yellow")


def _limit(limit: LimitStanding) -> Iterator[str | Text]:
    yield f"{limit.metric}/{limit.span}"
    yield f"{limit.used:,}"
    yield f"{limit.amount:,}"
    yield f"{100 * limit.used / limit.amount:.1f}" if limit.amount else "-"
    yield f"{limit.remaining:,}"
    yield moment(limit.resets_at)
    yield Text("DENIES", "bold red") if limit.denies else Text(f"{limit.kind}, {limit.mode}")


def _alerts(found: Explained) -> Iterator[RenderableType]:
    if not found.alerts:
        yield Text("No threshold was reached.")
        return
    for one in found.alerts:
        state = "sent" if one.claimed_at is None else f"found at {moment(one.claimed_at)}, not sent yet"
        yield Text(f"{one.period}: {one.threshold} % of {one.amount:,} {name_of(one.metric)}, {state}")


def _denied(found: Explained) -> Iterator[RenderableType]:
    if found.lake is None:
        yield Text("Denied calls have status 429 in the lake, which was not queried.")
        return
    denials = found.lake.denials(found.period)
    if denials is None:
        yield Text("No call has status 429.")
        return
    yield Text(
        f"{counted(denials.requests, 'call')} with status 429, by a quota or by the API itself: from "
        f"{moment(denials.first_at)} to {moment(denials.last_at)}"
    )
    days = sorted({day_of(one.hour) for one in found.lake.calls if one.status == denials.status})
    if len(days) > 1:
        more = f" and {len(days) - _MOST_DAYS} more days" if len(days) > _MOST_DAYS else ""
        yield Text(f"on {', '.join(days[:_MOST_DAYS])}{more}")
