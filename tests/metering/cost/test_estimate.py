"""The whole estimate, over six orders of magnitude."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cli.cost.estimate_session import PRICE_LIST, load_prices
from metering.cost.bill import by_service
from metering.cost.estimate import advice, cheapest, estimate
from metering.cost.workload import SECONDS_OF_MONTH, Workload

PRICES = load_prices(PRICE_LIST)
THOUSAND_A_SECOND = Workload(1000 * SECONDS_OF_MONTH, 1000)
MILLION_A_SECOND = Workload(1_000_000 * SECONDS_OF_MONTH, 100_000, window_seconds=30, write_concurrency=64)


class TestEstimate:
    @pytest.mark.parametrize("exponent", range(6, 13))
    def test_answers(self, exponent: int) -> None:
        """From a million calls a month to a million a second there is an answer, and it adds up."""
        found = estimate(Workload(10**exponent, 1000), PRICES)
        assert sum(by_service(found.lines).values()) == found.total
        assert Decimal(0) < found.total_without_log < found.total
        assert found.sizing.shards >= 1

    def test_small_beside_the_api(self) -> None:
        """At 1,000 calls a second the meter, without the access log, adds less than a tenth to the bill."""
        found = estimate(THOUSAND_A_SECOND, PRICES)
        assert found.total_without_log < found.api_gateway / 10

    def test_idle_costs_little(self) -> None:
        """A million calls a month: at most 15 USD with the defaults, of which the shard alone is 11."""
        found = estimate(Workload(10**6, 10), PRICES)
        assert found.total_without_log <= 15
        assert by_service(found.lines)["Kinesis"] == pytest.approx(Decimal(11), abs=Decimal("0.05"))

    def test_key_of_the_topics(self) -> None:
        """A dollar a month, so that it is no default: the rest of the 15 would not bear it."""
        without, with_key = (
            estimate(Workload(10**6, 10, encrypts_topics=wanted), PRICES).total_without_log
            for wanted in (False, True)
        )
        assert without + 1 == with_key
        assert with_key > 15

    def test_http_api(self) -> None:
        """The calls of an HTTP API cost 1.00 USD a million, not 3.50."""
        found = estimate(Workload(10**6, 10), PRICES)
        assert [Decimal("3.50"), Decimal("1.00")] == [found.api_gateway, found.http_api]

    def test_meters(self) -> None:
        """Lines are those of all meters, sizes those of one."""
        one, four = (estimate(THOUSAND_A_SECOND, PRICES, meters) for meters in (1, 4))
        assert 4 * four.sizing.calls_per_second == pytest.approx(one.sizing.calls_per_second)
        assert by_service(one.lines)["Access log"] == pytest.approx(by_service(four.lines)["Access log"])
        assert by_service(four.lines)["CloudWatch"] > by_service(one.lines)["CloudWatch"]

    def test_cheapest(self) -> None:
        """One meter for a thousand calls a second; several for a million, for half of what the API costs."""
        assert 1 == cheapest(THOUSAND_A_SECOND, PRICES).meters
        found = cheapest(MILLION_A_SECOND, PRICES)
        assert found.meters > 16
        assert found.total < found.api_gateway / 2
        assert found.sizing.hot_page_headroom > 1


class TestAdvice:
    def test_nothing_to_say(self) -> None:
        """The defaults carry a thousand calls a second."""
        assert [] == list(advice(estimate(THOUSAND_A_SECOND, PRICES), PRICES))

    def test_one_meter_for_a_million_a_second(self) -> None:
        """It says that several meters are cheaper, and what is beyond AWS's limits."""
        reported = " ".join(advice(estimate(MILLION_A_SECOND, PRICES), PRICES))
        for words in (
            "meters, each for a part of the log groups",
            "LedgerSlotSeconds",
            "quota above the 40,000",
        ):
            assert words in reported

    def test_too_busy(self) -> None:
        """Where the shards are given and too few, it names the settings that help."""
        reported = list(
            advice(estimate(Workload(20_000 * SECONDS_OF_MONTH, 50_000, shards=2), PRICES), PRICES)
        )
        assert [one for one in reported if "set a higher WriteConcurrency" in one]

    def test_lanes_and_slices(self) -> None:
        """The setting of the ledger is reported, and over how many items a counter is spread."""
        busy = Workload(50_000 * SECONDS_OF_MONTH, 500, shards=32, write_concurrency=64)
        reported = list(advice(estimate(busy, PRICES), PRICES))
        assert [one for one in reported if one.startswith("Set LedgerLanes to ")]
        assert [one for one in reported if "spread over 2 items" in one]
