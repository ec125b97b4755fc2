"""What the sections of the page are made of."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from metering.usage import TOTALS, Usage
from reconciliation.markup import Child, Markup, tag

ROWS_SHOWN: Final = 500
"""The page stays one that a browser can open; the other files have the rest."""
EQUAL: Final = tag("span", "= same", class_="equal")


def table(
    heads: Sequence[str], rows: Sequence[Sequence[Child]], *, caption: str = "", marked: Collection[int] = ()
) -> Markup:
    """A table. A head that begins with `#` stands over numbers; `marked` are the places of differing rows."""
    kinds = ["number" if head.startswith("#") else None for head in heads]
    head = [
        tag("th", text.lstrip("#"), scope="col", class_=kind) for text, kind in zip(heads, kinds, strict=True)
    ]
    body = [
        tag("tr", *map(_cell, row, kinds), class_="marked" if place in marked else None)
        for place, row in enumerate(rows)
    ]
    return tag(
        "div",
        tag(
            "table",
            *([tag("caption", caption)] if caption else []),
            tag("thead", tag("tr", *head)),
            tag("tbody", *body),
        ),
        class_="wide",
        tabindex=0,
    )


def more(found: int, held: int) -> Markup:
    """How much is not shown, and where it is."""
    shown = min(held, ROWS_SHOWN)
    if found <= shown:
        return Markup("")
    rest = "report.json and differences.csv have the rest"
    if found > held:
        rest = f"report.json and differences.csv have {held:,}"
    return tag("p", f"The first {shown:,} of {found:,}; {rest}.", class_="note")


def number(value: int) -> str:
    """Such as 1,234,567."""
    return f"{value:,}".replace("-", "−")


def difference(value: int) -> Markup:
    """A signed number, or that there is none."""
    if value == 0:
        return tag("span", "0", class_="equal")
    return tag("span", f"{value:+,}".replace("-", "−"), class_="unequal")


def time(value: datetime | None) -> str:
    """In UTC, to the second, or to the millisecond where it has some."""
    if value is None:
        return ""
    milliseconds = value.microsecond // 1000
    return f"{value:%Y-%m-%d %H:%M:%S}{f'.{milliseconds:03d}' if milliseconds else ''}"


def usage(value: Usage | None, *, signed: bool) -> list[str]:
    """The totals that are not zero, a line each, but for the fingerprint; signed where they are a surplus."""
    if value is None:
        return []
    totals = {name: getattr(value, name) for name in TOTALS if name != "fingerprint"}
    sign = "+" if signed else ""
    return [
        f"{total:{sign},} {name.replace('_', ' ')}".replace("-", "−")
        for name, total in totals.items()
        if total
    ]


def _cell(child: Child, kind: str | None) -> Markup:
    if isinstance(child, Markup) and child.startswith(("<td", "<th")):
        return child
    return tag("td", child, class_=kind)
