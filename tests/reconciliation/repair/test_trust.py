"""A repair follows the lake only where nothing says that the lake is wrong."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from cli.month_end.repair_session import held_back_lines
from metering.calls.call import Call
from metering.counters.counter import Counter
from metering.line_format.absent_number import Absent
from metering.period import Period
from metering.proof.correction import Correction, Fate
from metering.usage import Usage
from reconciliation.model.causes import Cause, Finding
from reconciliation.repair.repairer import Repaired, Repairer
from reconciliation.repair.trust import doubts, followed, scope_of, takes_away
from tests.reconciliation.month_end import OCTOBER, Deployment, call, row, running
from tests.reconciliation.repair.repairing import counters, fates, repairer, run

DAY = Period("2026-10-10")


@pytest.fixture(scope="module")
def shared() -> Iterator[Deployment]:
    """A deployment on the local cloud."""
    yield from running()


@pytest.fixture
def deployment(shared: Deployment) -> Deployment:
    """The same, empty."""
    shared.empty()
    return shared


def calls(number: int = 20, key: str = "acme") -> list[Call]:
    """Calls of a morning."""
    return [call(f"{key}-{one}", f"2026-10-10T10:{one:02d}:00", key) for one in range(number)]


def repaired(deployment: Deployment, lower: str = "") -> tuple[Repaired, Repairer]:
    """What `reconcile --repair` does."""
    report = deployment.reconcile()
    of_report = repairer(deployment)
    scope = scope_of(report, "differs", lower)._replace(report=run())
    prepared = of_report.prepare(scope)
    return prepared.carry_out(prepared.plans()), of_report


def billed(deployment: Deployment) -> dict[str, tuple[int, int]]:
    """Requests and billable requests of each key, by its month."""
    return {
        one.key: (one.usage.requests, one.usage.billable)
        for one in counters(deployment)
        if one.period == OCTOBER
    }


class TestLakeInDoubt:
    """The lake was damaged, and the counters are right: they stay so, whatever is allowed."""

    @pytest.mark.parametrize("lower", ["", "I know what I do"])
    def test_an_object_is_gone(self, deployment: Deployment, lower: str) -> None:
        """What the lake lost is not taken from the counter, and the month does not agree afterwards."""
        deployment.count(calls())
        deployment.land(calls()[:12], name="kept")
        done, _ = repaired(deployment, lower)
        assert ([], {"acme": (20, 20)}) == (fates(done), billed(deployment))
        assert not deployment.reconcile().agrees

    @pytest.mark.parametrize("lower", ["", "I know what I do"])
    def test_rows_were_given_to_another_key(self, deployment: Deployment, lower: str) -> None:
        """Neither side of the exchange follows: nobody pays for a row that somebody wrote."""
        deployment.count(calls())
        altered = [
            msgspec.structs.replace(one, key="rival") if number < 6 else one
            for number, one in enumerate(calls())
        ]
        deployment.land(altered)
        repaired(deployment, lower)
        assert {"acme": (20, 20)} == billed(deployment)

    def test_a_row_of_another_key_beside_a_call_that_is_missing(self, deployment: Deployment) -> None:
        """A row that was given to a key is not brought in with a call that the key's counter lacks."""
        other = calls(4, "rival")
        deployment.count(calls())
        deployment.count(other[:3])
        stolen = msgspec.structs.replace(calls()[0], key="rival")
        deployment.land([stolen, *calls()[1:], *other])
        in_doubt = doubts(deployment.reconcile())
        repaired(deployment)
        assert {"acme": (20, 20), "rival": (3, 3)} == billed(deployment)
        assert {("acme", DAY), ("rival", DAY)} == set(in_doubt)

    @pytest.mark.parametrize("lower", ["", "I know what I do"])
    def test_a_size_that_is_unknown(self, deployment: Deployment, lower: str) -> None:
        """A row that says a size and that it is unknown: its bytes are in the lake's sums, and of no call.
        Copies on the same day explain nothing of it.
        """
        counted = [msgspec.structs.replace(one, response_bytes=Absent.DASH) for one in calls()]
        deployment.count(counted)
        rows = [row(one) for one in counted]
        deployment.analyst.store("2026-10-10", {**rows[0], "responsesize": 1000}, *rows[1:])
        deployment.land(counted[5:], name="copies")
        report = deployment.reconcile()
        repaired(deployment, lower)
        assert {0} == {one.usage.response_bytes for one in counters(deployment)}
        assert [(1, Cause.ROW_ALTERED, counted[0].event_id)] == [
            (report.altered_rows, one.cause, one.event_id)
            for one in report.findings
            if one.cause is not Cause.DUPLICATE
        ]

    def test_a_month_alone_has_a_call(self, deployment: Deployment) -> None:
        """A batch was given up when it had counted a call in the month alone, and the lake has lost the row:
        the month is not lowered to its days, whatever of these is repaired.
        """
        lost, other = (
            call("lost", "2026-10-10T11:00:00", "acme"),
            call("other", "2026-10-11T11:00:00", "acme"),
        )
        deployment.both(calls())
        of_call = {"requests": 1, "billable": 1, "response_bytes": 1024, "latency_ms": 50}
        deployment.edit("acme", OCTOBER, **of_call, fingerprint=lost.event_hash, d10=1)
        deployment.land([other], name="other")
        done, _ = repaired(deployment, "they hold too much")
        assert [("acme", "2026-10-11", Fate.WRITTEN)] == fates(done)
        assert {"acme": (21, 21)} == billed(deployment)
        assert {("acme", OCTOBER)} == set(doubts(deployment.reconcile()))

    def test_a_finding_names_why(self, deployment: Deployment) -> None:
        """The line says which counter is left, and for which cause."""
        deployment.count(calls())
        deployment.land(calls()[:-1])
        in_doubt = doubts(deployment.reconcile())
        assert [
            "Not changed: acme 2026-10-10: the lake may be wrong (lost on the way to the lake)",
        ] == list(held_back_lines(in_doubt, []))

    def test_other_keys_and_days_are_repaired(self, deployment: Deployment) -> None:
        """Other days, of the key and of other keys, get what they lack."""
        other = [call(f"other-{one}", f"2026-10-11T10:{one:02d}:00", "acme") for one in range(4)]
        deployment.count(calls())
        deployment.count(other[:1])
        deployment.land(calls()[:12], name="kept")
        deployment.land(other, name="other")
        small = [call(f"small-{one}", f"2026-10-12T10:{one:02d}:00", "small") for one in range(3)]
        deployment.land(small, name="small")
        repaired(deployment)
        assert {"acme": (24, 24), "small": (3, 3)} == billed(deployment)


class TestLowering:
    """What a counter has too much is taken away for a reason that somebody gives."""

    def test_without_a_reason(self, deployment: Deployment) -> None:
        """It is held back, and counted as such."""
        deployment.both(calls())
        deployment.edit("acme", OCTOBER, requests=5, d10=5)
        deployment.edit("acme", DAY, requests=5, h10=5)
        done, _ = repaired(deployment)
        assert ([], 1) == (fates(done), done.held_back)
        assert {"acme": (25, 20)} == billed(deployment)

    def test_with_a_reason(self, deployment: Deployment) -> None:
        """It is done, and the reason stands with each counter."""
        deployment.both(calls())
        deployment.edit("acme", OCTOBER, requests=5, d10=5)
        deployment.edit("acme", DAY, requests=5, h10=5)
        done, _ = repaired(deployment, "edited by hand, ticket 4711")
        assert [Fate.WRITTEN] * 2 == [fate for _, _, fate in fates(done)]
        assert {"acme": (20, 20)} == billed(deployment)

    def test_raising_needs_none(self, deployment: Deployment) -> None:
        """What a counter lacks is added."""
        deployment.count(calls()[:15])
        deployment.land(calls())
        done, _ = repaired(deployment)
        assert ({"acme": (20, 20)}, 0) == (billed(deployment), done.held_back)

    def test_what_changed_since_the_report(self, deployment: Deployment) -> None:
        """A day that agreed when the report was made is not changed by it."""
        deployment.both(calls(), name="whole")
        deployment.count(calls(1, "small"))
        deployment.land(calls(2, "small"), name="small")
        report = deployment.reconcile()
        deployment.land([call("late", "2026-10-12T10:00:00", "small")], name="late")
        scope = scope_of(report, "differs")._replace(report=run())
        prepared = repairer(deployment).prepare(scope)
        prepared.carry_out(prepared.plans())
        assert (2, 2) == billed(deployment)["small"]
        assert [Period("2026-10-12")] == [one.correction.period for one in prepared.held_back]

    def test_a_day_that_agreed(self, deployment: Deployment) -> None:
        """The month contradicts its day, which agrees with the lake: what the day gets after that is not
        taken away, for the lake may not have it yet.
        """
        deployment.both(calls())
        deployment.edit("acme", OCTOBER, requests=1, d10=1)
        report = deployment.reconcile()
        deployment.count([call("late", "2026-10-10T12:00:00", "acme")])
        prepared = repairer(deployment).prepare(
            scope_of(report, "differs", "too much")._replace(report=run())
        )
        prepared.carry_out(prepared.plans())
        assert [21, 22] == sorted(one.usage.requests for one in counters(deployment))
        assert [DAY, OCTOBER] == [one.correction.period for one in prepared.held_back]


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        (Usage(), Usage(1, 1, fingerprint=9), False),
        (Usage(2, 2, fingerprint=9), Usage(1, 1, fingerprint=4), True),
        (Usage(2, 2, fingerprint=9), Usage(2, 1, fingerprint=9), True),
        (Usage(2, 2, latency_ms=50), Usage(3, 3, latency_ms=40), True),
        (Usage(2, 2, fingerprint=9), Usage(2, 2, fingerprint=12), True),  # one call swapped for another
        (Usage(2, 2), Usage(2, 2), False),
    ],
)
def test_takes_away(before: Usage, after: Usage, *, wanted: bool) -> None:
    """Any total that falls, and a call that is swapped for another."""
    one = Correction(Counter("a", DAY, before), Counter("a", DAY, after))
    assert wanted is takes_away(one)


def test_a_difference_that_was_not_looked_into(deployment: Deployment) -> None:
    """Without a finding nobody knows why a day differs, and the lake is not followed."""
    deployment.count(calls()[:15])
    deployment.land(calls())
    report = deployment.reconcile()
    assert {"acme": {DAY, OCTOBER}} == followed(report)
    report.findings = []
    assert {} == followed(report)
    assert [("acme", DAY)] == list(doubts(report))
    report.findings = [Finding(key="acme", period=DAY, cause=Cause.DUPLICATE, note="there are two rows")]
    assert ([("acme", DAY)], {}) == (list(doubts(report)), followed(report))  # copies explain nothing
