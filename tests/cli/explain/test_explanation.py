"""What it comes to, of what was found."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from adapters.dynamodb.key_audit import Slice
from cli.explain.explanation import Agreement, Explained
from cli.explain.lake import LakeAnswer, LakeCalls
from metering.counters.counter import Counter
from metering.period import Period, begins_at
from metering.quotas.plan import KeyStatus, Kind, Mode, Span
from metering.usage import Metric, Usage
from usage_api.schemas import LimitStanding, QuotaAnswer

MONTH = Period("2026-11")
NOW = datetime(2026, 11, 24, 19, 0, 3, tzinfo=UTC)
THROUGH = datetime(2026, 11, 24, 18, 59, tzinfo=UTC)
LATE = timedelta(hours=1)


def calls(hour: str, status: int, requests: int) -> LakeCalls:
    """Calls of an hour that were answered with a status."""
    first = begins_at(Period(hour)) + timedelta(minutes=5)
    usage = Usage(requests, requests if status == 200 else 0, fingerprint=requests)
    last = first + timedelta(minutes=requests)
    return LakeCalls(Period(hour), status, status == 200, first, last, requests, usage)


def limit(span: Span, amount: int, used: int, resets_at: datetime) -> LimitStanding:
    """A hard limit of requests."""
    return LimitStanding(
        metric=Metric.REQUESTS,
        span=span,
        kind=Kind.HARD,
        mode=Mode.COUNTED,
        amount=amount,
        used=used,
        remaining=max(0, amount - used),
        resets_at=resets_at,
        thresholds=(),
        denies=used >= amount,
    )


def quota(*limits: LimitStanding, through: datetime | None = THROUGH) -> QuotaAnswer:
    """How limits stand."""
    return QuotaAnswer(
        key="k1",
        as_of=NOW,
        complete_through=through,
        plan="free" if limits else None,
        status=KeyStatus.ACTIVE,
        allowed=not any(one.denies for one in limits),
        limits=limits,
    )


def explained(
    parts: Mapping[str, int], lake: list[LakeCalls] | None, answer: QuotaAnswer | None = None
) -> Explained:
    """A month with requests on some days; the fingerprint is their number."""
    requests = sum(parts.values())
    counter = Counter("k1", MONTH, Usage(requests, requests, fingerprint=requests), dict(parts))
    found = None if lake is None else LakeAnswer(lake, "a query", 100, 10)
    return Explained("k1", MONTH, answer or quota(), [Slice(0, counter, {})], [], found, LATE)


@pytest.mark.parametrize(
    ("parts", "lake", "expected"),
    [
        ({"05": 3}, [calls("2026-11-05T07", 200, 3)], Agreement.AGREES),
        ({"05": 3}, [calls("2026-11-05T07", 200, 2)], Agreement.DIFFERS),
        ({"05": 3}, [], Agreement.DIFFERS),
        ({}, [calls("2026-11-05T07", 200, 2)], Agreement.DIFFERS),
        ({"24": 3}, [calls("2026-11-24T18", 200, 2)], Agreement.ON_THE_WAY),
        ({"24": 3}, None, Agreement.NOT_ASKED),
        ({"05": 3, "24": 3}, [calls("2026-11-05T07", 200, 3)], Agreement.ON_THE_WAY),
    ],
)
def test_agreement(parts: Mapping[str, int], lake: list[LakeCalls] | None, expected: Agreement) -> None:
    """A difference is a fault where nothing can be on its way any more, and only there."""
    assert expected is explained(parts, lake).agreement


def test_a_swap_is_seen() -> None:
    """The same number of other calls is a difference, too."""
    found = explained({"05": 3}, [calls("2026-11-05T07", 200, 3)])
    (one,) = found.slices
    other = Usage(3, 3, fingerprint=99)
    swapped = Slice(0, Counter("k1", MONTH, other, {"05": 3}), {})
    assert Agreement.AGREES is found.agreement
    over = quota(through=datetime(2026, 12, 1, 2, tzinfo=UTC)).model_copy(
        update={"as_of": datetime(2026, 12, 1, 2, tzinfo=UTC)}
    )
    assert one != swapped
    assert Agreement.DIFFERS is Explained("k1", MONTH, over, [swapped], [], found.lake, LATE).agreement


def test_what_is_not_counted_yet_is_no_difference() -> None:
    """As long as the counters are not complete past a day, the lake may be ahead of them."""
    behind = quota(through=datetime(2026, 11, 4, tzinfo=UTC))
    found = explained({"05": 3}, [calls("2026-11-05T07", 200, 9)], behind)
    assert Agreement.ON_THE_WAY is found.agreement


def test_slices_add_up() -> None:
    """A counter may lie in several items."""
    found = explained({"05": 3}, None)
    (one,) = found.slices
    both = Explained("k1", MONTH, quota(), [one, one._replace(number=1)], [], None, LATE)
    assert (6, {"05": 6}) == (both.counter.usage.requests, both.counter.parts)


def test_blocked_by_the_limit_that_resets_last() -> None:
    """Since the first denied call in its period, not in another."""
    month_ends, hour_ends = datetime(2026, 12, 1, tzinfo=UTC), datetime(2026, 11, 24, 20, tzinfo=UTC)
    lake = [calls("2026-11-05T07", 429, 1), calls("2026-11-24T19", 429, 2)]
    by_both = explained(
        {"24": 9}, lake, quota(limit(Span.HOUR, 1, 5, hour_ends), limit(Span.MONTH, 2, 9, month_ends))
    )
    assert (
        "Blocked since 2026-11-05 07:05:00 UTC by the hard limit of 2 requests a month; "
        "resets at 2026-12-01 00:00:00 UTC."
    ) == next(by_both.conclusion())
    by_hour = explained({"24": 9}, lake, quota(limit(Span.HOUR, 1, 5, hour_ends)))
    assert (
        "Blocked since 2026-11-24 19:05:00 UTC by the hard limit of 1 requests an hour; "
        "resets at 2026-11-24 20:00:00 UTC."
    ) == next(by_hour.conclusion())
    assert by_hour.is_problem


@pytest.mark.parametrize(
    ("lake", "since"),
    [
        ([calls("2026-11-24T10", 429, 1), calls("2026-11-24T11", 200, 1)], None),
        (
            [calls("2026-11-24T10", 429, 1), calls("2026-11-24T11", 200, 1), calls("2026-11-24T12", 429, 1)],
            12,
        ),
        ([calls("2026-11-24T10", 429, 1), calls("2026-11-24T11", 429, 1)], 10),
        ([calls("2026-11-23T10", 429, 1)], None),
    ],
)
def test_blocked_since(lake: list[LakeCalls], since: int | None) -> None:
    """The first denied call after the last one that was let through, of the day that the limit is for."""
    ends = datetime(2026, 11, 25, tzinfo=UTC)
    found = explained({"24": 9}, lake, quota(limit(Span.DAY, 1, 5, ends)))
    assert (None if since is None else datetime(2026, 11, 24, since, 5, tzinfo=UTC)) == found.blocked_since


def test_blocked_since_some_time_of_an_hour() -> None:
    """Where both kinds are mixed within an hour, it is the last call that was let through."""
    lake = [calls("2026-11-24T10", 200, 5), calls("2026-11-24T10", 429, 9)]
    found = explained({"24": 9}, lake, quota(limit(Span.DAY, 1, 5, datetime(2026, 11, 25, tzinfo=UTC))))
    assert datetime(2026, 11, 24, 10, 10, tzinfo=UTC) == found.blocked_since


def test_blocked_before_the_lake_knows() -> None:
    """Then nobody knows since when."""
    ends = datetime(2026, 11, 25, tzinfo=UTC)
    found = explained({"24": 9}, [], quota(limit(Span.DAY, 1, 5, ends)))
    assert "Blocked by the hard limit of 1 requests a day; resets at 2026-11-25 00:00:00 UTC." == next(
        found.conclusion()
    )


def test_not_billed() -> None:
    """By status, those that are billed left out."""
    lake = [calls("2026-11-05T07", status, 2) for status in (200, 429, 503)] + [
        calls("2026-11-06T07", 503, 1)
    ]
    found = explained({"05": 6, "06": 1}, lake)
    assert [(429, 2), (503, 3)] == [(one.status, one.requests) for one in found.not_billed]
    assert [] == explained({"05": 6}, None).not_billed


def test_nobody_knows_it() -> None:
    """Without counter, plan and calls."""
    found = Explained("k1", MONTH, quota(), [], [], LakeAnswer([], "a query", 0, 1), LATE)
    assert found.is_unknown
    assert not found.is_problem
    assert 1 == len(list(found.conclusion()))
