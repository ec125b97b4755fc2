"""What follows from what a reconciliation found."""

import pytest

from metering.period import Period
from metering.proof.drift import Difference
from metering.usage import Usage
from reconciliation.model.contradictions import Contradiction
from reconciliation.model.report import Report
from tests.reconciliation.report.samples import agreeing

MONTH, FIFTH, SIXTH = Period("2026-10"), Period("2026-10-05"), Period("2026-10-06")


def differing(period: Period, requests: int, fingerprint: int, key: str = "shop") -> Difference:
    """A key's usage of which some calls are missing in the lake."""
    in_lake = Usage(requests=10, fingerprint=1)
    return Difference(key, period, in_lake + Usage(requests=requests, fingerprint=fingerprint), in_lake)


def report(*found: Difference, disagreeing: list[Contradiction] | None = None) -> Report:
    """A report of differences and contradictions."""
    made = agreeing()
    made.differences, made.differences_found = list(found), len(found)
    made.contradictions = disagreeing or []
    made.contradictions_found = len(made.contradictions)
    return made


class TestPlaces:
    def test_one_call(self) -> None:
        """A call that is lost makes its day differ and its month: one place."""
        assert 1 == report(differing(MONTH, 1, 7), differing(FIFTH, 1, 7)).places

    def test_two_days(self) -> None:
        """Two days of a key are two, and the month has what both have."""
        assert 2 == report(differing(MONTH, 3, 9), differing(FIFTH, 1, 7), differing(SIXTH, 2, 2)).places

    def test_two_keys(self) -> None:
        """A call counted for another key is two places: what one has too much the other lacks."""
        of_other = [differing(MONTH, -1, -7, "web"), differing(FIFTH, -1, -7, "web")]
        assert 2 == report(differing(MONTH, 1, 7), differing(FIFTH, 1, 7), *of_other).places

    @pytest.mark.parametrize("days", [(), (differing(FIFTH, 1, 7),)])
    def test_a_month_of_its_own(self, days: tuple[Difference, ...]) -> None:
        """A month that differs by other calls than its days is one more."""
        assert 1 + len(days) == report(differing(MONTH, 5, 11), *days).places

    @pytest.mark.parametrize(
        "disagreeing",
        [
            [Contradiction("shop", FIFTH, "", 11, 10), Contradiction("shop", MONTH, "05", 10, 11)],
            [Contradiction("shop", MONTH, "05", 11, 10)],
        ],
    )
    def test_an_edited_counter(self, disagreeing: list[Contradiction]) -> None:
        """The day's counter differs from the lake, from its hours and from the month: one place."""
        assert 1 == report(differing(FIFTH, 1, 7), disagreeing=disagreeing).places
        assert 1 == report(disagreeing=disagreeing).places

    def test_more_than_are_held(self) -> None:
        """Of what is found and not held each counts."""
        found = report(differing(MONTH, 1, 7), differing(FIFTH, 1, 7))
        found.differences_found += 40
        assert 41 == found.places
