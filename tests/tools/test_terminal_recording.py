"""The picture of a terminal on the page of the first counted call."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from tools.terminal_recording import COMMANDS, PICTURE, Shown, drawn


def texts(picture: str) -> str:
    """What can be read in a picture."""
    found = [one.text or "" for one in ET.fromstring(picture).iter() if one.tag.endswith("text")]
    return " ".join(found).replace("\N{NO-BREAK SPACE}", " ")


def fetched(picture: str) -> list[str]:
    """What a browser would have to fetch for it."""
    return [
        one for one in re.findall(r"(?:url\(|href=.|src=.)([^)\"']+)", picture) if not one.startswith("#")
    ]


def test_drawn() -> None:
    """Command and output can be read, colours are kept, and no other host is named."""
    picture = drawn([Shown("usage-meter top", "\x1b[31mshop\x1b[0m   172 <calls>\n")], "First")
    assert "$ usage-meter top" in texts(picture)
    assert "shop" in texts(picture)
    assert "<calls>" in texts(picture)
    assert "fill: #" in picture
    assert [] == fetched(picture)
    assert ["https://example.com/a.woff"] == fetched("src: url(https://example.com/a.woff)")


def test_committed() -> None:
    """The picture of the page shows the commands that are recorded, each with what it printed."""
    picture = PICTURE.read_text(encoding="utf-8")
    shown = texts(picture)
    for command, *words in COMMANDS:
        assert f"$ usage-meter {command}" in shown
        assert all(word in shown for word in words if word != "BUSIEST")
    assert len(shown) > 1000
    assert [] == fetched(picture)
