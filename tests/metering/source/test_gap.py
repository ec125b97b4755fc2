"""Gaps: joined, given back, and reported."""

from __future__ import annotations

from metering.source.gap import MOST_GAPS, Gap, Way, total_missing, with_gap, with_return

FIRST = 29_000_160


def gap(begin: int, end: int, missing: int, place: str = "log", way: Way = Way.FORWARDED) -> Gap:
    """A gap some minutes after the first."""
    return Gap(way, place, FIRST + begin, FIRST + end, missing)


def test_one_that_goes_on() -> None:
    """A gap that goes on where another ended is the same; at another place or much later it is not."""
    known = with_gap((), gap(0, 60, 5))
    assert (gap(0, 90, 8),) == with_gap(known, gap(60, 90, 3))
    assert 2 == len(with_gap(known, gap(60, 90, 3, place="other")))
    assert 2 == len(with_gap(known, gap(60, 90, 3, way=Way.LOGGED)))
    assert 2 == len(with_gap(known, gap(200, 230, 3)))


def test_bounded() -> None:
    """There are never more than so many, and no call of them is forgotten."""
    gaps: tuple[Gap, ...] = ()
    for number in range(MOST_GAPS + 50):
        gaps = with_gap(gaps, gap(number * 200, number * 200 + 30, 2))
    assert (MOST_GAPS, 2 * (MOST_GAPS + 50)) == (len(gaps), total_missing(gaps))


def test_what_comes_after_all() -> None:
    """Events that come late make the latest gaps of their place smaller; what is left within what is usual is
    no gap.
    """
    gaps = (gap(0, 60, 5), gap(200, 260, 4), gap(400, 460, 9, place="other"))
    assert (gap(0, 60, 3), gaps[2]) == with_return(gaps, Way.FORWARDED, "log", 6, 0)
    assert (gaps[0], gaps[2]) == with_return(gaps, Way.FORWARDED, "log", 3, 1)


def test_sentences() -> None:
    """What is missing, between which two points, and when."""
    assert (
        "1 call that API Gateway counted between 2025-02-20T00:00Z and 2025-02-20T01:00Z was not logged to a"
        == gap(0, 60, 1, place="a", way=Way.LOGGED).sentence
    )
    assert gap(0, 60, 1_000).sentence.startswith("1,000 calls that were logged to log between 2025-")
