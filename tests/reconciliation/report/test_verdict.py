"""The verdict: a word and a sentence."""

from __future__ import annotations

import msgspec
import pytest

from metering.period import begins_at
from metering.usage import Usage
from reconciliation.model.report import Report, Tally
from reconciliation.report.verdict import Conclusion, enumerated, ordinal, span, verdict
from tests.reconciliation.report.samples import OCTOBER, agreeing, differing, refused, running


def nothing() -> Report:
    """A month without a call."""
    return msgspec.structs.replace(agreeing(), tally=Tally())


def too_early() -> Report:
    """A month of which no day is over."""
    return msgspec.structs.replace(nothing(), compared_until=begins_at(OCTOBER), missing=["it goes on"])


def of_an_earlier_version() -> Report:
    """One whose counters do not know which calls have no size."""
    report = agreeing()
    report.tally.total.in_lake += Usage(unknown_request_sizes=1200, unknown_response_sizes=5)
    report.tally.total.counted += Usage(unknown_request_sizes=200)
    return report


def allowed(report: Report) -> Report:
    """One that was compared though not complete."""
    report.is_settled = False
    return report


@pytest.mark.parametrize(
    ("report", "conclusion", "sentence"),
    [
        (
            agreeing(),
            Conclusion.AGREES,
            (
                "The counters and the lake hold the same 926,972 events of October 2026: every count, "
                "every sum and every fingerprint is equal."
            ),
        ),
        (
            of_an_earlier_version(),
            Conclusion.AGREES,
            (
                "The counters and the lake hold the same 926,972 events of October 2026: every count, "
                "every sum and every fingerprint is equal. Of 1,205 sizes that are not known the counters "
                "know 200: the other calls were counted before the meter knew this total."
            ),
        ),
        (
            differing(),
            Conclusion.DIFFERS,
            (
                "The counters and the lake of October 2026 do not hold the same: 3 differences and 1 row of "
                "the lake was altered. 3 items are explained below."
            ),
        ),
        (
            refused(),
            Conclusion.REFUSED,
            "Nothing was compared: October 2026 is not complete yet, in the counters or in the lake.",
        ),
        (
            too_early(),
            Conclusion.NOT_SETTLED,
            "Nothing was compared: no day of October 2026 is complete yet.",
        ),
        (
            nothing(),
            Conclusion.AGREES,
            "Neither the counters nor the lake hold any call of October 2026.",
        ),
    ],
)
def test_verdicts(report: Report, conclusion: Conclusion, sentence: str) -> None:
    """One sentence says how it stands."""
    assert (conclusion, sentence) == verdict(report)


def test_running() -> None:
    """A month that goes on agrees as far as it was compared."""
    found = verdict(running(22))
    assert Conclusion.AGREES is found.conclusion
    assert "of October 2026 until the end of the 22nd: every count" in found.sentence


@pytest.mark.parametrize("report", [agreeing(), differing()])
def test_not_settled(report: Report) -> None:
    """Whatever was found may change, if not all had arrived."""
    found = verdict(allowed(report))
    assert Conclusion.NOT_SETTLED is found.conclusion
    assert found.sentence.endswith("Not all of it had arrived when it was compared: this may change.")


def test_first_day() -> None:
    """One day is no span."""
    assert "the 1st of October 2026" == span(running(1))


@pytest.mark.parametrize(
    ("number", "expected"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (31, "31st")],
)
def test_ordinals(number: int, expected: str) -> None:
    """As they are read aloud."""
    assert expected == ordinal(number)


def test_enumerated() -> None:
    """As in a sentence."""
    assert ["a", "a and b", "a, b and c"] == [enumerated(list("abc")[:number]) for number in (1, 2, 3)]
