"""Whose pages may show the page in a frame: origins, and nothing that a browser would take for more."""

from __future__ import annotations

import re

import pytest

from adapters.settings.functions import UsageApiSettings
from local_cloud.template.document import Stack, load_template
from metering.errors import Misconfigured

PATTERN = load_template()["Parameters"]["FrameAncestors"]["AllowedPattern"]

LISTS = [
    "https://portal.example",
    "https://localhost",
    "https://192.0.2.1:8443",
    "https://a.example,https://b-c.d.example:444",
    ",".join(f"https://{number}.example" for number in range(10)),
]
REFUSED = [
    *(
        "*",
        "'none'",
        "'self'",
        "none",
        "self",
        "https:",
        "https://",
        "data:",
        "https://*",
        "https://*.example",
    ),
    *("http://portal.example", "portal.example", "//portal.example", "HTTPS://portal.example"),
    *(
        "https://Portal.example",
        "https://portal.example/",
        "https://portal.example/a",
        "https://portal.example?a",
    ),
    *(
        "https://user@portal.example",
        "https://portal.example:*",
        "https://portal.example:0",
        "https://a.example:",
    ),
    *("https://portal.example:123456", "https://portal..example", "https://-a.example", "https://a-.example"),
    *("https://pörtal.example", "https://٣.example", "https://[::1]", "https://portal.example."),
    *("https://a.example https://b.example", "https://a.example, https://b.example", "https://a.example,"),
    *(",https://a.example", "https://a.example,,https://b.example", "https://a.example,*", ",", " "),
    *(
        "https://a.example;script-src *",
        "https://a.example\r\nX: y",
        "https://a.example,https://b.example\n,",
    ),
    *("https://a.example\x00", "https://a.example\u2028", f"https://{'a' * 64}.example"),
    ",".join(f"https://{number}.example" for number in range(11)),
]


def origins(text: str) -> tuple[str, ...]:
    """What the function makes of a list."""
    variables = {"COUNTERS_TABLE": "counters", "FRAME_ANCESTORS": text}
    return UsageApiSettings.from_environment(variables).frame_ancestors


def test_nobody() -> None:
    """Unless somebody is named, nobody may."""
    assert () == UsageApiSettings.from_environment({"COUNTERS_TABLE": "counters"}).frame_ancestors
    assert () == UsageApiSettings.from_environment(Stack().environment("UsageApiFunction")).frame_ancestors


@pytest.mark.parametrize("text", LISTS)
def test_listed(text: str) -> None:
    """The template and the function take the same lists, and the function gets what the template is given."""
    assert re.search(PATTERN, text)
    stack = Stack({"FrameAncestors": text})
    settings = UsageApiSettings.from_environment(stack.environment("UsageApiFunction"))
    assert text.split(",") == list(settings.frame_ancestors)


@pytest.mark.parametrize("text", REFUSED)
def test_refused(text: str) -> None:
    """Keywords, wildcards, other schemes, paths, and whatever would end the policy's directive: refused by
    name, by the template as by the function.
    """
    assert not re.search(PATTERN, text)
    with pytest.raises(Misconfigured, match=r"FRAME_ANCESTORS: .*(is not an origin|are possible)"):
        origins(text)


def test_no_longer_than_a_variable_may_be() -> None:
    """Lambda takes 4 KB of variables in all: CloudFormation refuses what would fail only then."""
    names = [".".join(["a" * 60] * number) for number in (5, 5, 5, 5)]
    assert not re.search(PATTERN, ",".join(f"https://{name}" for name in names))
