"""Counters brought to the lake's figure: on the whole local cloud, and pure where it is pure."""

from __future__ import annotations

import json
import random
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.dynamodb.counter_reader import CounterReader
from adapters.dynamodb.layout import counter_pk
from metering.counters.counter import Counter
from metering.outcome import MALFORMED_KEY, UNATTRIBUTED_KEY, UNDECODABLE_KEY
from metering.period import Period
from metering.proof.correction import Fate
from metering.usage import NO_USAGE, Usage, total
from reconciliation.repair.plan import RepairFigure, corrections
from reconciliation.repair.scope import NotRepairableError
from tests.reconciliation.month_end import OCTOBER, Deployment, call, running
from tests.reconciliation.repair.repairing import (
    Waiting,
    counters,
    fates,
    items,
    repair,
    repairer,
    run,
    scope,
    some_calls,
    spoil,
)

FIFTH = Period("2026-10-05")
SIXTH = Period("2026-10-06")


@pytest.fixture(scope="module")
def cloud() -> Iterator[Deployment]:
    """A deployment for the whole module."""
    yield from running()


@pytest.fixture
def deployment(cloud: Deployment) -> Deployment:
    """The deployment, empty."""
    cloud.empty()
    return cloud


def day(period: Period, requests: int, **hours: int) -> Counter:
    """A day's counter."""
    return Counter("a", period, Usage(requests=requests), {name[1:]: count for name, count in hours.items()})


class TestCorrections:
    """What is to be corrected. Pure."""

    def test_nothing(self) -> None:
        """Counters at the lake's figure need nothing; a part without requests is none."""
        held = {FIFTH: day(FIFTH, 2, h07=2, h08=0), OCTOBER: Counter("a", OCTOBER, Usage(2), {"05": 2})}
        assert [] == corrections("a", held, RepairFigure({FIFTH: day(FIFTH, 2, h07=2)}), OCTOBER, [FIFTH])

    def test_day_and_month(self) -> None:
        """A day is brought to its figure, the month with it, and both say what is added."""
        held = {FIFTH: day(FIFTH, 1, h07=1), OCTOBER: Counter("a", OCTOBER, Usage(1), {"05": 1})}
        found = corrections("a", held, RepairFigure({FIFTH: day(FIFTH, 3, h07=1, h09=2)}), OCTOBER, [FIFTH])
        assert [(FIFTH, Usage(2), {"09": 2}), (OCTOBER, Usage(2), {"05": 2})] == [
            (one.period, one.usage, one.parts) for one in found
        ]

    def test_other_days(self) -> None:
        """Of a day that is not taken, the month keeps what the day's own counter holds."""
        held = {
            FIFTH: day(FIFTH, 1, h07=1),
            SIXTH: day(SIXTH, 9, h00=9),
            OCTOBER: Counter("a", OCTOBER, Usage(10), {"05": 1, "06": 9}),
        }
        figure = RepairFigure({FIFTH: day(FIFTH, 2, h07=2), SIXTH: day(SIXTH, 1, h00=1)})
        (_, month) = corrections("a", held, figure, OCTOBER, [FIFTH])
        assert (11, {"05": 2, "06": 9}) == (month.after.usage.requests, month.after.parts)

    def test_not_in_the_lake(self) -> None:
        """Counters of a key that the lake does not know are brought to nothing."""
        held = {FIFTH: day(FIFTH, 1, h07=1), OCTOBER: Counter("a", OCTOBER, Usage(1), {"05": 1})}
        found = corrections("a", held, RepairFigure({}), OCTOBER, [FIFTH])
        assert [NO_USAGE, NO_USAGE] == [one.after.usage for one in found]

    @given(st.data())
    def test_repeated(self, data: st.DataObject) -> None:
        """Made, corrections leave nothing to correct; a month holds what its days hold; and of days that are
        not taken nothing is touched.
        """
        days = [FIFTH, SIXTH, Period("2026-10-31")]
        held = {period: data.draw(any_counter(period)) for period in data.draw(some_of([*days, OCTOBER]))}
        figure = RepairFigure({period: data.draw(whole_day(period)) for period in data.draw(some_of(days))})
        taken = sorted(data.draw(some_of(days)))
        found = corrections("a", held, figure, OCTOBER, taken)
        after = {**held, **{one.period: one.after for one in found}}
        assert [] == corrections("a", after, figure, OCTOBER, taken)
        assert {one.period for one in found} <= {*taken, OCTOBER}
        of_days = total(one.usage for period, one in after.items() if period != OCTOBER)
        assert of_days == after.get(OCTOBER, Counter("a", OCTOBER, NO_USAGE)).usage


def some_of(periods: list[Period]) -> st.SearchStrategy[set[Period]]:
    """Some of these periods, or none."""
    return st.sets(st.sampled_from(periods))


def any_counter(period: Period) -> st.SearchStrategy[Counter]:
    """A counter that may contradict itself."""
    parts = st.dictionaries(st.sampled_from(["05", "06", "07", "23"]), st.integers(-3, 9))
    usage = st.builds(Usage, st.integers(-3, 9), st.integers(0, 9), fingerprint=st.integers(0, 2**126))
    return st.builds(lambda one, held: Counter("a", period, one, held), usage, parts)


def whole_day(period: Period) -> st.SearchStrategy[Counter]:
    """A day as the lake has it: its hours add up."""
    hours = st.dictionaries(st.sampled_from(["00", "07", "23"]), st.integers(1, 9), min_size=1)
    return st.builds(
        lambda parts, fingerprint: Counter(
            "a", period, Usage(sum(parts.values()), fingerprint=fingerprint), parts
        ),
        hours,
        st.integers(1, 2**126),
    )


class TestRepair:
    """A repair on the local cloud."""

    @pytest.mark.parametrize(
        "seed", [0, *(pytest.param(seed, marks=pytest.mark.exhaustive) for seed in range(1, 4))]
    )
    def test_random_drift(self, deployment: Deployment, seed: int) -> None:
        """A repair brings counters to the lake's figure, whatever they hold; another finds nothing."""
        generator = random.Random(seed)
        keys = ["a", "b", "it's", UNATTRIBUTED_KEY, MALFORMED_KEY]
        calls = some_calls(generator, keys=keys)
        deployment.land(calls)
        deployment.count(calls[:25])
        deployment.count(calls[:3], shard=17)
        spoil(generator, deployment, keys)
        assert not deployment.reconcile().agrees

        repaired = repair(deployment, run())
        assert {Fate.WRITTEN} == {fate for _, _, fate in fates(repaired)}
        assert deployment.reconcile().agrees

        again = repair(deployment, run())
        assert (0, []) == (again.written, again.done)

    def test_audit(self, deployment: Deployment) -> None:
        """Each correction leaves what was there, what is, who did it when, why, and by which report."""
        deployment.both([call("1", "2026-10-05T07:00:00")])
        deployment.edit("a", OCTOBER, requests=2)
        repair(deployment, report := run())
        (audit,) = items(deployment, "repair:")
        reported = {name: value["S"] for name, value in audit.items()}
        assert ("repair:a", f"2026-10#{report}") == (reported["pk"], reported["sk"])
        assert (
            "counters differ; lowered: they hold too much",
            report,
            "ops@example.com",
            "2026-11-24T00:00:00Z",
        ) == (
            reported["reason"],
            reported["report"],
            reported["who"],
            reported["at"],
        )
        before, after = json.loads(reported["before"]), json.loads(reported["after"])
        assert (3, 1, {"05": 1}) == (before["requests"], after["requests"], after["parts"])

    def test_one_correction_a_report(self, deployment: Deployment) -> None:
        """A counter is corrected once for a report: what is edited afterwards needs another one."""
        first = run()
        deployment.both([call("1", "2026-10-05T07:00:00")])
        deployment.edit("a", OCTOBER, requests=2)
        repair(deployment, first)
        deployment.edit("a", OCTOBER, requests=5)
        assert [("a", OCTOBER, Fate.CHANGED)] == fates(repair(deployment, first))
        assert [("a", OCTOBER, Fate.WRITTEN)] == fates(repair(deployment, run()))
        assert 2 == len(items(deployment, "repair:"))

    def test_call_between_reading_and_waiting(self, deployment: Deployment) -> None:
        """A call that is counted after the counters were read stops the repair of what it changed."""
        one, two = call("1", "2026-10-05T07:00:00"), call("2", "2026-10-05T08:00:00")
        deployment.land([one])
        barrier = Waiting([lambda: deployment.count([two])])
        repaired = repair(deployment, run(), barrier)
        assert [("a", FIFTH, Fate.CHANGED), ("a", OCTOBER, Fate.CHANGED)] == fates(repaired)
        assert (0, 2) == (repaired.written, repaired.left)
        assert [1, 1] == [one.usage.requests for one in counters(deployment)]

    @pytest.mark.parametrize(("shard", "fate"), [(3, Fate.CHANGED), (20, Fate.WRITTEN)])
    def test_call_between_reading_and_writing(self, deployment: Deployment, shard: int, fate: Fate) -> None:
        """One that is counted between the last reading and the write makes its condition fail. If it goes to
        a slice that was not there, both are added, and nothing is lost either.
        """
        one, two = call("1", "2026-10-05T07:00:00"), call("2", "2026-10-05T08:00:00")
        deployment.land([one])
        dynamodb = deployment.cloud.client("dynamodb")
        once = [lambda: deployment.count([two], shard=shard)]

        def strike(**_: Any) -> None:
            while once:
                once.pop()()

        dynamodb.meta.events.register("before-call.dynamodb.TransactWriteItems", strike)
        prepared = repairer(deployment, dynamodb=dynamodb).prepare(scope(run()))
        repaired = prepared.carry_out(prepared.plans())
        assert ("a", FIFTH, fate) == fates(repaired)[0]
        deployment.land([two], name="late")
        repair(deployment, run())
        assert deployment.reconcile().agrees

    @pytest.mark.parametrize("same_report", [False, True])
    def test_two_repairs_at_once(self, deployment: Deployment, same_report: bool) -> None:
        """Two that have found the same difference correct it once, whichever comes first."""
        deployment.both([call("1", "2026-10-05T07:00:00")])
        deployment.edit("a", OCTOBER, requests=2)
        first = run()
        reports = [first, first if same_report else run()]
        prepared = [repairer(deployment).prepare(scope(report)) for report in reports]
        plans = [list(one.plans()) for one in prepared]
        one, other = (each.carry_out(plan) for each, plan in zip(prepared, plans, strict=True))
        assert [(1, 0, 0), (0, 1, 0)] == [
            (each.written, each.done_before, each.left) for each in (one, other)
        ]
        assert deployment.reconcile().agrees

    def test_batch_in_flight(self, deployment: Deployment) -> None:
        """A call that is in the lake and whose batch is under way is counted by that batch, not twice: the
        repair waits for the batch before it reads again.
        """
        one = call("1", "2026-10-05T07:00:00")
        deployment.land([one])
        barrier = Waiting([lambda: deployment.count([one])])
        repaired = repair(deployment, run(), barrier)
        assert (1, 0) == (barrier.passed, repaired.written)
        assert deployment.reconcile().agrees

    def test_slices(self, deployment: Deployment) -> None:
        """What another slice has too much is taken from slice 0, so that both together are right."""
        one = call("1", "2026-10-05T07:00:00")
        deployment.count([one, one], shard=17)
        deployment.land([one])
        repair(deployment, run())
        assert deployment.reconcile().agrees
        assert {"2026-10#0", "2026-10#1"} < {item["sk"]["S"] for item in items(deployment, "key:")}

    def test_a_slice_that_nobody_registered(self, deployment: Deployment) -> None:
        """Whoever reads registered slices alone, as the top keys do, sees what all others see."""
        one = call("1", "2026-10-05T07:00:00")
        deployment.both([one])
        deployment.edit("a", OCTOBER, 1, requests=3, billable=3, d05=3)
        repair(deployment, run())
        reader = CounterReader(deployment.dynamodb, deployment.settings.counters_table)
        of_top, of_look_up = reader.of_keys(["a"], OCTOBER), [reader.counter("a", OCTOBER)]
        assert of_top == of_look_up
        assert [one.usage] == [found.usage for found in of_top]

    def test_watermarks(self, deployment: Deployment) -> None:
        """They are as they were."""
        one, two = call("1", "2026-10-05T07:00:00"), call("2", "2026-10-05T07:00:00")
        deployment.count([one])
        deployment.land([one, two])
        before = [
            {name: value for name, value in item.items() if "B" in value}
            for item in items(deployment, "key:")
        ]
        repair(deployment, run())
        after = [
            {name: value for name, value in item.items() if "B" in value}
            for item in items(deployment, "key:")
        ]
        assert before == after
        assert all(before)

    def test_keys(self, deployment: Deployment) -> None:
        """Only the keys that are named are looked at."""
        deployment.land([call("1", "2026-10-05T07:00:00", "a'b"), call("2", "2026-10-05T07:00:00", "c")])
        repaired = repair(deployment, run(), keys={"a'b"})
        assert {"a'b"} == {key for key, _, _ in fates(repaired)}
        assert 1 == repaired.keys

    def test_running_month(self, deployment: Deployment) -> None:
        """Days that are complete are repaired, and the month by them, while calls of today are counted."""
        old, lost = call("1", "2026-10-05T07:00:00"), call("2", "2026-10-05T08:00:00")
        today, later = call("3", "2026-10-20T01:00:00"), call("4", "2026-10-20T02:00:00")
        deployment.count([old, today])
        deployment.land([old, lost])
        barrier = Waiting([lambda: deployment.count([later])])
        repaired = repair(deployment, run(), barrier, complete_through=datetime(2026, 10, 20, tzinfo=UTC))
        assert [("a", FIFTH, Fate.WRITTEN), ("a", OCTOBER, Fate.WRITTEN)] == fates(repaired)
        deployment.land([today, later], name="later")
        assert deployment.reconcile().agrees

    def test_running_month_with_a_batch_half_written(self, deployment: Deployment) -> None:
        """A month that has a batch which its day has not got yet is left alone."""
        old, lost, today = (call(str(hour), f"2026-10-05T0{hour}:00:00") for hour in range(3))
        today = call("3", "2026-10-20T01:00:00")
        deployment.count([old, today])
        deployment.edit("a", OCTOBER, requests=1, d20=1, fingerprint=5)
        deployment.land([old, lost])
        repaired = repair(deployment, run(), complete_through=datetime(2026, 10, 20, tzinfo=UTC))
        assert [("a", FIFTH, Fate.WRITTEN), ("a", OCTOBER, Fate.UNSURE)] == fates(repaired)

    def test_one_day(self, deployment: Deployment) -> None:
        """A day by itself brings the month along, and leaves the other days."""
        calls = [call("1", "2026-10-05T07:00:00"), call("2", "2026-10-06T08:00:00")]
        deployment.both(calls)
        extra = call("3", "2026-10-05T09:00:00")
        deployment.land([extra], name="extra")
        assert [("a", FIFTH, Fate.WRITTEN), ("a", OCTOBER, Fate.WRITTEN)] == fates(
            repair(deployment, run(), days={FIFTH})
        )
        assert deployment.reconcile().agrees

    def test_undecodable(self, deployment: Deployment) -> None:
        """The number of records that cannot be decoded comes from the error prefix."""
        when = datetime(2026, 10, 5, 7, tzinfo=UTC)
        document = {
            "rawData": b64encode(b"no gzip").decode(),
            "arrivalTimestamp": round(when.timestamp() * 1000),
        }
        deployment.fail(json.dumps(document).encode())
        repaired = repair(deployment, run())
        assert [(UNDECODABLE_KEY, FIFTH, Fate.WRITTEN), (UNDECODABLE_KEY, OCTOBER, Fate.WRITTEN)] == fates(
            repaired
        )
        assert [{"07": 1}, {"05": 1}] == [one.correction.after.parts for one in repaired.done]
        assert deployment.reconcile().agrees

    def test_incomplete_day(self, deployment: Deployment) -> None:
        """A day that is not over, or of another month, is refused by name; so is a month without any."""
        with pytest.raises(
            NotRepairableError, match=r"2026-10-06, 2026-11-01 cannot be repaired: .* 2026-10-05"
        ):
            repair(
                deployment,
                run(),
                days={FIFTH, SIXTH, Period("2026-11-01")},
                complete_through=datetime(2026, 10, 6, 5, tzinfo=UTC),
            )
        with pytest.raises(NotRepairableError, match="no day of 2026-10 is complete"):
            repair(deployment, run(), complete_through=datetime(2026, 10, 1, tzinfo=UTC))
        assert [] == items(deployment, counter_pk(""))


def watermarks(deployment: Deployment) -> list[dict[str, Any]]:
    """Those of each counter's item."""
    return [
        {name: value for name, value in item.items() if "B" in value} for item in items(deployment, "key:")
    ]


def test_fates_are_json(deployment: Deployment) -> None:
    """What was done can be written as it is."""
    import msgspec  # noqa: PLC0415 - for this alone

    deployment.land([call("1", "2026-10-05T07:00:00")])
    reported: Any = msgspec.to_builtins(repair(deployment, run()))
    assert "written" == reported["done"][0]["fate"]
