"""Whatever somebody does to a month is named, with the log and without; the page says what is not seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import takewhile
from typing import NamedTuple

import pytest

from reconciliation.model.causes import HARMLESS, Cause, Finding
from reconciliation.model.report import Report
from tests.reconciliation.damage.attacks import COUNTERS, OBJECTS, ROWS, Act
from tests.reconciliation.damage.played_month import (
    DAY,
    LAST_DAY,
    NOVEMBER,
    PlayedMonth,
    day_of_object,
    object_name,
)
from tests.reconciliation.month_end import running
from tools.build_lambda import ROOT

pytestmark = pytest.mark.exhaustive
"""One month is played and attacked a hundred times; single attacks have tests beside what names them."""


class Target(NamedTuple):
    """An attack, and what of the month it has for itself."""

    act: Act
    on: str
    """A key, or a day."""

    @property
    def keys(self) -> dict[str, list[str]]:
        """The keys that it needs, with their days."""
        if self.act in OBJECTS.values():
            return {f"o{self.on[-2:]}": [self.on]}
        return {self.on: [DAY, LAST_DAY], f"{self.on}.b": [DAY]}

    def is_meant(self, finding: Finding) -> bool:
        """Whether a finding is about it."""
        return (
            finding.key in (*self.keys, f"{self.on}.ghost")
            or str(finding.event_id).partition("-")[0] in self.keys
            or (
                finding.key == ""
                and self.act in OBJECTS.values()
                and object_name(self.on, "") in finding.objects[0]
            )
        )


TARGETS = {
    **{f"row: {name}": Target(act, f"r{number}") for number, (name, act) in enumerate(ROWS.items())},
    **{f"counter: {name}": Target(act, f"c{number}") for number, (name, act) in enumerate(COUNTERS.items())},
    **{
        f"object: {name}": Target(act, day_of_object(number))
        for number, (name, act) in enumerate(OBJECTS.items())
    },
}


class Line(NamedTuple):
    """A line of the page's table."""

    with_log: str
    without_log: str
    exit_code: str
    remark: str

    @property
    def is_harmless(self) -> bool:
        """Whether it lets a month be closed."""
        return self.exit_code == "0"


def table() -> dict[str, Line]:
    """The page's table, by attack."""
    text = (ROOT / "docs" / "reconciliation.md").read_text(encoding="utf-8")
    lines = text.partition("| attack |")[2].splitlines()[2:]
    cells = (
        [cell.strip() for cell in line.strip("|").split("|")] for line in takewhile(lambda line: line, lines)
    )
    return {name: Line(*others) for name, *others in cells}


class Reports(NamedTuple):
    """The month after attacks."""

    with_log: Report
    without_log: Report
    of_harmless: Report
    """After those alone of which the page says that they do no harm."""


@pytest.fixture(scope="module")
def month() -> Iterator[PlayedMonth]:
    """The month as it was played."""
    for deployment in running():
        yield PlayedMonth(
            deployment, {key: days for target in TARGETS.values() for key, days in target.keys.items()}
        )


@pytest.fixture(scope="module")
def reports(month: PlayedMonth) -> Reports:
    """Compared after all attacks at once: whatever is damaged, the rest goes on."""
    attack(month, TARGETS)
    with_log, without_log = month.reconcile(), month.reconcile(with_log=False)
    month.restore()
    attack(month, [name for name, line in table().items() if line.is_harmless])
    return Reports(with_log, without_log, month.reconcile())


def attack(month: PlayedMonth, names: Iterable[str]) -> None:
    """Make some of the attacks."""
    damage = month.damaged()
    for name in names:
        TARGETS[name].act(damage, TARGETS[name].on)
    damage.write()


def found(report: Report, name: str) -> list[Finding]:
    """What a report says of an attack."""
    return [finding for finding in report.findings if TARGETS[name].is_meant(finding)]


def seen(report: Report, name: str) -> str:
    """The causes that a report gives for an attack."""
    return ", ".join(sorted({finding.cause.value for finding in found(report, name)})) or "nothing"


class TestPage:
    def test_names_every_attack(self) -> None:
        """None is left out, in the order of the tests."""
        assert list(TARGETS) == list(table())

    @pytest.mark.parametrize("name", TARGETS)
    def test_says_what_is_seen(self, reports: Reports, name: str) -> None:
        """With the log and without it, and the exit code that follows."""
        line = table()[name]
        assert (line.with_log, line.without_log) == (
            seen(reports.with_log, name),
            seen(reports.without_log, name),
        )
        harmful = {finding.cause for finding in found(reports.with_log, name)} - HARMLESS
        assert line.is_harmless == (not harmful)

    def test_what_is_not_seen_has_a_reason(self) -> None:
        """And so has what is seen and does no harm."""
        assert [] == [name for name, line in table().items() if line.is_harmless and not line.remark]


def test_harmless(reports: Reports) -> None:
    """A month with nothing worse agrees, and may be closed."""
    assert (True, 0) == (reports.of_harmless.agrees, reports.of_harmless.differences_found)


def test_nothing_else_is_named(reports: Reports) -> None:
    """Each finding is about one of the attacks."""
    for report in reports[:2]:
        assert [] == [
            finding
            for finding in report.findings
            if not any(target.is_meant(finding) for target in TARGETS.values())
        ]


IN_AN_OBJECT = {
    Cause.ROW_ALTERED,
    Cause.FOREIGN_ROW,
    Cause.DUPLICATE,
    Cause.DIFFERING_COPIES,
    Cause.LAKE_ALONE,
}


def test_objects_are_named(reports: Reports) -> None:
    """Whatever is wrong with a row, its object is named; and with the log the call as it was logged."""
    findings = [*reports.with_log.findings, *reports.without_log.findings]
    assert [] == [one for one in findings if one.cause in IN_AN_OBJECT and not one.objects]
    calls = [one for one in reports.with_log.findings if one.cause in IN_AN_OBJECT]
    assert [] == [one for one in calls if not one.event_id]


def test_a_call_under_two_keys(reports: Reports) -> None:
    """Without the log, the key is named that has the row: the row is not taken for a copy of another."""
    name = "counter: a call counted under a second key, too"
    [finding] = found(reports.without_log, name)
    assert f"its row lies under {TARGETS[name].on} on {DAY}, and counts there" in finding.note


def test_what_cannot_be_read_is_reported(reports: Reports) -> None:
    """Each object and counter, with the reason, as something that the month lacks: it cannot be closed."""
    places = {one.place.rpartition("/")[2] for one in reports.with_log.unreadable}
    assert {"part.parquet", "notes.txt"} < places
    assert [one for one in places if one.endswith(" of no period")]
    assert len(reports.with_log.unreadable) == len(reports.with_log.missing)
    for one in reports.with_log.unreadable:
        assert any(one.place in text and one.reason in text for text in reports.with_log.missing)


def test_a_row_of_another_month(month: PlayedMonth, reports: Reports) -> None:
    """The month that it was moved to names it, too: it has no log of that day."""
    assert reports.with_log.findings
    month.restore()
    attack(month, ["row: time: over the month's end"])
    (finding,) = month.reconcile(NOVEMBER).findings
    assert (Cause.LAKE_ALONE, 1) == (finding.cause, len(finding.objects))
