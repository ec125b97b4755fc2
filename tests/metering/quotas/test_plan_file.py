"""Plans and keys from a file: what is right is read, and of what is wrong every fault is named."""

from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.errors import Misconfigured
from metering.quotas.plan import Assignment, KeyStatus, Kind, Limit, Mode, Plan, Span
from metering.quotas.plan_file import PlansDocument, WantedKey, plan_content, read_plans
from metering.strict_yaml import load_yaml
from metering.usage import Metric

EXAMPLE = """
plans:
  free:
    limits:
      - {metric: requests, period: month, amount: 10000}
      - {metric: requests, period: hour, amount: 100, mode: reserved, reserve_from: 90}
      - {metric: response_bytes, period: day, amount: 1000000000, kind: soft, thresholds: [100, 80]}
  unlimited: {limits: []}
keys:
  a1b2c3: {plan: free, account: acme, overrides: {requests/month: 20000}}
  d4e5f6: {plan: unlimited, status: suspended}
"""


def read(text: str) -> PlansDocument:
    return read_plans(load_yaml(text))


def faults(text: str) -> tuple[str, ...]:
    """What is said about a document, without lines and columns."""
    return tuple(re.sub(r"^line \d+, column \d+: ", "", fault) for fault in located_faults(text))


def located_faults(text: str) -> tuple[str, ...]:
    """What is said about a document."""
    with pytest.raises(Misconfigured) as refused:
        read(text)
    return refused.value.faults


def fault_of(limit: str) -> tuple[str, ...]:
    """What is said about a limit, without its place."""
    place = "plan free, limit 1: "
    return tuple(one.removeprefix(place) for one in faults(f"plans: {{free: {{limits: [{{{limit}}}]}}}}"))


class TestRight:
    def test_plans(self) -> None:
        """A limit is hard, counted, and has thresholds at 50, 80 and 100 percent, unless it says
        otherwise.
        """
        assert {
            "free": Plan(
                "free",
                (
                    Limit(Metric.REQUESTS, Span.MONTH, 10_000, Kind.HARD, (50, 80, 100), Mode.COUNTED),
                    Limit(Metric.REQUESTS, Span.HOUR, 100, mode=Mode.RESERVED, reserve_from=90),
                    Limit(Metric.RESPONSE_BYTES, Span.DAY, 10**9, Kind.SOFT, (80, 100)),
                ),
            ),
            "unlimited": Plan("unlimited"),
        } == read(EXAMPLE).plans

    def test_keys(self) -> None:
        """A key has a plan, and may have an account, amounts of its own and a status."""
        assert {
            "a1b2c3": WantedKey("a1b2c3", "free", "acme", {"requests/month": 20_000}),
            "d4e5f6": WantedKey("d4e5f6", "unlimited", status=KeyStatus.SUSPENDED),
        } == read(EXAMPLE).keys

    def test_known_plans(self) -> None:
        """A key may have a plan that is not in the document."""
        loaded = {"keys": {"a1b2c3": {"plan": "pro"}}}
        assert {"a1b2c3": WantedKey("a1b2c3", "pro")} == read_plans(loaded, {"pro": Plan("pro")}).keys

    @given(
        st.lists(
            st.builds(
                Limit,
                metric=st.sampled_from(Metric),
                span=st.sampled_from([Span.DAY, Span.MONTH]),
                amount=st.integers(0, 10**18),
                kind=st.sampled_from(Kind),
                thresholds=st.sets(st.integers(1, 100)).map(lambda values: tuple(sorted(values))),
            ),
            unique_by=lambda limit: limit.name,
        )
    )
    def test_round_trip(self, limits: list[Limit]) -> None:
        """What is written of a plan is read back as it was."""
        plan = Plan("any", tuple(limits))
        assert {"any": plan} == read_plans({"plans": {"any": plan_content(plan)}}).plans

    def test_default_metric(self) -> None:
        """A limit bounds billable calls unless it says otherwise: a denied call uses up nothing of it."""
        (limit,) = (
            read("{plans: {p: {limits: [{period: month, amount: 9, mode: reserved}]}}}").plans["p"].limits
        )
        assert Limit(Metric.BILLABLE, Span.MONTH, 9, mode=Mode.RESERVED) == limit

    @pytest.mark.parametrize(
        ("written", "expires"),
        [
            ("2026-12-31", 1_798_675_200),
            ('"2026-12-31"', 1_798_675_200),
            ("2026-12-31T18:00:00Z", 1_798_740_000),
            ('"2026-12-31T18:00:00+02:00"', 1_798_732_800),
        ],
    )
    def test_expiry(self, written: str, expires: int) -> None:
        """A key may expire: at a time, or at the beginning of a day in UTC."""
        text = "{plans: {p: {}}, keys: {a1: {plan: p, expires: %s}}}"
        assert expires == read(text % written).keys["a1"].expires
        with pytest.raises(Misconfigured, match="key a1: expires 'soon' is not a valid day or time"):
            read(text % "soon")

    def test_accounts(self) -> None:
        """An account has a plan, whose limits hold for all of its keys together."""
        plans = "plans: {p: {limits: [{period: month, amount: 9}]}}"
        text = "{" + plans + ", accounts: {acme: {plan: %s, overrides: {%s: 5}}}}"
        wanted = WantedKey("!account:acme", "p", "acme", {"billable/month": 5})
        assert {"acme": wanted} == read(text % ("p", "billable/month")).accounts
        with pytest.raises(
            Misconfigured, match="account acme: override requests/day names no limit of plan p"
        ):
            read(text % ("p", "requests/day"))
        with pytest.raises(Misconfigured, match="there is no plan 'q'"):
            read(text % ("q", "billable/month"))
        with pytest.raises(Misconfigured, match="'!x' is reserved"):
            read('{plans: {p: {}}, accounts: {"!x": {plan: p}}}')

    def test_mail(self) -> None:
        """An account has an address, which stays unless it is taken back; a text that could say more to
        a mailer than an address is refused.
        """
        text = '{plans: {p: {}}, accounts: {acme: {plan: p, mail: "%s"}}}'
        current = Assignment("!account:acme", "p", "acme", mail="old@acme.example")
        for written, mail in (("ops@acme.example", "ops@acme.example"), ("-", "")):
            assert mail == read(text % written).accounts["acme"].over(current).mail
        assert current == read("{plans: {p: {}}, accounts: {acme: {plan: p}}}").accounts["acme"].over(current)
        for unfit in (
            "acme",
            "a@b",
            "a@b.example, c@d.example",
            r"a@b.example\nBcc: c@d.example",
            "<a@b.example>",
        ):
            with pytest.raises(Misconfigured, match=r"account acme: mail .* is not a mail address"):
                read(text % unfit)
        with pytest.raises(Misconfigured, match="'mail' is unknown here"):
            read("{plans: {p: {}}, keys: {a1: {plan: p, mail: a@b.example}}}")

    def test_soft_thresholds(self) -> None:
        """A soft limit may notify at more than the whole; a hard one holds the usage there."""
        limit = "{metric: requests, period: month, amount: 9, kind: %s, thresholds: [%s]}"
        text = "{plans: {p: {limits: [" + limit + "]}}}"
        (soft,) = read(text % ("soft", "150, 100, 120, 10000")).plans["p"].limits
        assert (100, 120, 150, 10_000) == soft.thresholds
        for kind, threshold in (("hard", 101), ("soft", 10_001)):
            with pytest.raises(Misconfigured, match=f"threshold {threshold} must be"):
                read(text % (kind, threshold))


class TestLeftOut:
    NOW = Assignment("a1", "free", "acme", {"requests/month": 20_000}, KeyStatus.SUSPENDED, 5)
    FREE = Plan("free", (Limit(Metric.REQUESTS, Span.MONTH, 10), Limit(Metric.REQUESTS, Span.DAY, 1)))

    def after(self, fields: str) -> Assignment:
        """What the key has once a file that says this of it has been applied."""
        document = read_plans(load_yaml(f"keys: {{a1: {{plan: free{fields}}}}}"), {"free": self.FREE})
        return document.keys["a1"].over(self.NOW)

    def test_stays(self) -> None:
        """A file that names a key and its plan only undoes neither suspension nor override nor account."""
        assert msgspec.structs.replace(self.NOW, since=0) == self.after("")

    def test_is_named(self) -> None:
        """Each is undone by name, one by one; the overrides beside it stay."""
        assert KeyStatus.ACTIVE is self.after(", status: active").status
        assert "" == self.after(', account: "-"').account
        assert {} == self.after(", overrides: {requests/month: null}").overrides
        assert {"requests/month": 20_000, "requests/day": 3} == self.after(
            ", overrides: {requests/day: 3}"
        ).overrides


class TestWrong:
    def test_places(self) -> None:
        """Every fault has line and column: a number in octal, a key that is there twice, a field that is
        unknown.
        """
        assert (
            (
                "line 4, column 51: plan gold, limit 1: amount '010000' must be a whole number from 0 to "
                "1000000000000000000"
            ),
            (
                "line 6, column 20: key a1: 'plann' is unknown here; known are account, expires, overrides, "
                "plan, status"
            ),
            "line 7, column 3: 'a1' is there already, in line 6; keep one of them",
        ) == located_faults(
            """plans:
  gold:
    limits:
      - {metric: requests, period: month, amount: 010000}
keys:
  a1: {plan: gold, plann: 1}
  a1: {plan: gold}
"""
        )

    def test_all_at_once(self) -> None:
        """Every fault is named, each with its place."""
        assert (
            "plan free: it has 2 limits requests/day; one for a metric and period is allowed",
            (
                "plan free, limit 1: metric 'calls' is not one of requests, billable, errors, "
                "response_bytes, request_bytes"
            ),
            "plan free, limit 2: amount -5 must be a whole number from 0 to 1000000000000000000",
            "plan free, limit 3: threshold 101 must be a whole percentage from 1 to 100",
        ) == faults(
            """
            plans:
              free:
                limits:
                  - {metric: calls, period: day, amount: 1}
                  - {metric: requests, period: day, amount: -5}
                  - {metric: requests, period: day, amount: 7, thresholds: [50, 101]}
            """
        )

    @pytest.mark.parametrize(
        ("limit", "fault"),
        [
            (
                "metric: requests, period: year, amount: 1",
                "period 'year' is not one of hour, day, week, month",
            ),
            ("metric: requests, period: day", "amount is missing"),
            (
                "period: hour, amount: 1",
                (
                    "billable cannot have a limit by the hour: of an hour the counters know the requests "
                    "only; take a day, or the metric requests"
                ),
            ),
            (
                "metric: requests, period: day, amount: 1.5",
                "amount '1.5' must be a whole number from 0 to 1000000000000000000",
            ),
            (
                "metric: requests, period: day, amount: yes",
                "amount 'yes' must be a whole number from 0 to 1000000000000000000",
            ),
            ("metric: requests, period: day, amount: 1, kind: firm", "kind 'firm' is not one of hard, soft"),
            (
                "metric: requests, period: day, amount: 1, thresholds: [0]",
                "threshold 0 must be a whole percentage from 1 to 100",
            ),
            (
                "metric: requests, period: day, amount: 1, thresholds: [50.5]",
                "threshold '50.5' must be a whole percentage from 1 to 100",
            ),
            (
                "metric: requests, period: day, amount: 1, thresholds: [50, 50]",
                "threshold 50 is listed 2 times",
            ),
            (
                "metric: requests, period: day, amount: 1, reserve_from: 90",
                "reserve_from says nothing in the mode counted; write mode: reserved, or leave it out",
            ),
            (
                "metric: requests, period: day, amount: 1, mode: reserved, reserve_from: 101",
                "reserve_from 101 must be a whole percentage from 0 to 100",
            ),
            (
                "metric: errors, period: hour, amount: 1",
                (
                    "errors cannot have a limit by the hour: of an hour the counters know the requests only; "
                    "take a day, or the metric requests"
                ),
            ),
            (
                "metric: errors, period: day, amount: 1, mode: reserved",
                (
                    "errors cannot be reserved: it is known after the call only; take the mode counted, or "
                    "the metric requests or billable"
                ),
            ),
            (
                "metric: requests, period: day, amount: 1, mode: reserved, kind: soft",
                "a soft limit denies nothing, so that nothing can be reserved; take the mode counted",
            ),
            (
                "metric: requests, period: day, amount: 1, amont: 2",
                (
                    "'amont' is unknown here; known are amount, kind, metric, mode, period, reserve_from, "
                    "thresholds"
                ),
            ),
        ],
    )
    def test_limit(self, limit: str, fault: str) -> None:
        """Each fault of a limit, in a sentence that says what would be right."""
        assert (fault,) == fault_of(limit)

    @pytest.mark.parametrize(
        ("text", "fault"),
        [
            ("[]", "must be a mapping, not []"),
            ("plan: {}", "'plan' is unknown here; known are accounts, keys, plans"),
            ("plans: {Free: {}}", "plan Free: its name must have lower-case letters, digits"),
            ("keys: {a1: {plan: pro}}", "key a1: there is no plan 'pro'; the plans are none"),
            ("keys: {a1: {}}", "key a1: plan is missing"),
            ("keys: {7: {plan: pro}}\nplans: {pro: {}}", "7 must be a text"),
            ('keys: {"-": {plan: free}}\nplans: {free: {}}', "key -: '-' is reserved"),
            (
                'keys: {"!malformed": {plan: free}}\nplans: {free: {}}',
                "key !malformed: '!malformed' is reserved",
            ),
            (
                "keys: {a1: {plan: free, status: off}}\nplans: {free: {}}",
                "key a1: status 'off' is not one of",
            ),
            (
                "keys: {a1: {plan: free, overrides: {requests/day: 5}}}\nplans: {free: {}}",
                "key a1: override requests/day names no limit of plan free, which has none",
            ),
            (
                (
                    "keys: {a1: {plan: free, overrides: {requests/day: -1}}}\n"
                    "plans: {free: {limits: [{metric: requests, period: day, amount: 1}]}}"
                ),
                "key a1: override requests/day is -1: it must be a whole number of 0 or more",
            ),
        ],
    )
    def test_document(self, text: str, fault: str) -> None:
        """Faults of plans and keys."""
        (reported,) = faults(text)
        assert reported.startswith(fault)
