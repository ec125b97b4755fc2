"""Our pages: the runbook has a section for each alarm, links lead somewhere, and names are the template's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from local_cloud.template.document import load_template, translated

DOCS = Path(__file__).resolve().parents[2] / "docs"
TEXT = (DOCS / "runbook.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## ([^\n]+)\n\n(.+?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL))
ALARMS = [name for name, one in translated()["Resources"].items() if one["Type"] == "AWS::CloudWatch::Alarm"]
JOBS = {
    "Another stream",
    "Calls that are in the log and on no path",
    "Repair, rebuild, close",
    "Restore the counters' table",
    "The chain of what was billed is broken",
}
"""Sections of what an operator does without an alarm."""
OUR_PAGES = [
    *("comparison.md", "deploy.md", "evidence.md", "first-call.md", "quotas.md", "runbook.md", "scale.md"),
    *("security.md", "README.md", "../SECURITY.md"),
]


class TestRunbook:
    @pytest.mark.parametrize("alarm", ALARMS)
    def test_section(self, alarm: str) -> None:
        """Each alarm has a section that says what it means and more than that."""
        meaning, *todo = SECTIONS[alarm].strip().split("\n\n")
        assert meaning.startswith("**Means**: ")
        assert todo

    def test_no_others(self) -> None:
        """No section is left of an alarm that is gone."""
        assert set(SECTIONS) == set(ALARMS) | JOBS


class TestPages:
    @pytest.mark.parametrize("page", OUR_PAGES)
    def test_links(self, page: str) -> None:
        """Links lead to files that are there, and to headings that are in them."""
        for target in re.findall(r"\]\((?!https?://)([^)]+)\)", (DOCS / page).read_text(encoding="utf-8")):
            name, _, heading = target.partition("#")
            path = (DOCS / page).parent / name if name else DOCS / page
            assert path.exists(), target
            if heading:
                assert heading in headings(path.read_text(encoding="utf-8")), target

    @pytest.mark.parametrize("page", OUR_PAGES)
    def test_parameters(self, page: str) -> None:
        """A parameter that a page names is one of the template."""
        known = set(load_template()["Parameters"]) | set(translated()["Outputs"])
        named = re.findall(
            r"`([A-Z][a-z]+(?:[A-Z][a-z]+)+)(?:=[^`]*)?`", (DOCS / page).read_text(encoding="utf-8")
        )
        assert set() == {name for name in named if name.endswith(SUFFIXES)} - known


SUFFIXES = tuple(
    {re.findall(r"[A-Z][a-z]+", name)[-1] for name in load_template()["Parameters"]} - {"Mode", "Key"}
)
"""The last words of parameters' names, by which one is known from a metric's or an error's name."""


def headings(text: str) -> set[str]:
    """The anchors of a page's headings, as they are made of their words."""
    found = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in found}
