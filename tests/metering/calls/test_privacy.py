"""What the lake keeps of addresses and user agents."""

from __future__ import annotations

import pytest

from metering.billing_rule import BillingRule
from metering.calls.delivery import LogEvent
from metering.calls.lake_row import LakeRow, lake_rows
from metering.calls.privacy import KEPT, PersonalData, Treatment
from tests.factories import NOON_MS, line

KEY = b"51af3dc0-da77-11e4-872e-1234567db123"
HASHED = PersonalData(Treatment.HASH, KEY)
DROPPED = PersonalData(Treatment.DROP)


def rows(*messages: str) -> list[LakeRow]:
    events = [LogEvent(str(number), NOON_MS, message) for number, message in enumerate(messages)]
    return lake_rows(events, BillingRule())


def treated(personal: PersonalData, *messages: str) -> list[LakeRow]:
    found = rows(*messages)
    personal.treat(found)
    return found


class TestTreatment:
    ALICE = line(sourceIp="198.51.100.7", userAgent="curl/8.9.1", extendedRequestId="alice=")
    BOB = line(sourceIp="198.51.100.8", userAgent="curl/8.9.1", extendedRequestId="bob=")

    def test_kept(self) -> None:
        """By default everything is kept."""
        assert rows(self.ALICE, "no line") == treated(KEPT, self.ALICE, "no line")

    def test_dropped(self) -> None:
        """Neither address nor agent, nor the text of a line that cannot be read."""
        for row in treated(DROPPED, self.ALICE, "198.51.100.7 is no line"):
            assert [None, None, None] == [row.sourceip, row.useragent, row.raw]
            assert row.reason in {None, "no_json"}

    def test_hashed(self) -> None:
        """The same value has the same hash, another one another; nothing of the value is in it."""
        alice, again, bob = treated(HASHED, self.ALICE, self.ALICE, self.BOB)
        assert alice.sourceip == again.sourceip != bob.sourceip
        assert alice.useragent == bob.useragent
        assert alice.sourceip is not None
        assert alice.sourceip.startswith("hashed:")
        assert "198" not in alice.sourceip.removeprefix("hashed:")[:3]

    def test_another_key(self) -> None:
        """Another stack's hashes are others, and so are those of another column."""
        other = PersonalData(Treatment.HASH, b"another stack's id")
        same = line(sourceIp="curl/8.9.1", userAgent="curl/8.9.1")
        (one,), (two,) = treated(HASHED, same), treated(other, same)
        assert 4 == len({one.sourceip, one.useragent, two.sourceip, two.useragent})

    def test_looks_hashed(self) -> None:
        """A user agent that is written like a pseudonym is hashed as any other: nobody passes for another."""
        (alice,) = treated(HASHED, self.ALICE)
        assert alice.useragent is not None
        for agent in ("hashed:" + "0" * 24, "hashed:" + "0" * 32, alice.useragent[:-1] + "0", "hashed:"):
            (caller,) = treated(HASHED, line(userAgent=agent))
            assert caller.useragent not in (agent, alice.useragent)
        of_other_column = line(userAgent=alice.sourceip)
        (caller,) = treated(HASHED, of_other_column)
        assert caller.useragent != alice.sourceip

    def test_twice(self) -> None:
        """Rows that were treated stay as they are: what is redriven may have been."""
        for personal in (HASHED, DROPPED):
            once = treated(personal, self.ALICE)
            personal.treat(once)
            assert treated(personal, self.ALICE) == once

    @pytest.mark.parametrize("personal", [HASHED, DROPPED], ids=["hashed", "dropped"])
    def test_counts_stay(self, personal: PersonalData) -> None:
        """Identity, key, outcome and numbers are not touched, so that lake and counters still agree."""
        for before, after in zip(
            rows(self.ALICE, "no line"), treated(personal, self.ALICE, "no line"), strict=True
        ):
            after.sourceip, after.useragent, after.raw = before.sourceip, before.useragent, before.raw
            after.reason = before.reason
            assert before == after

    def test_absent(self) -> None:
        """What the log did not have is not made up."""
        (row,) = treated(HASHED, line(sourceIp="-", userAgent="-"))
        assert [None, None] == [row.sourceip, row.useragent]


class TestKey:
    @pytest.mark.parametrize("key", [b"", b"short", b"x" * 65])
    def test_needed(self, key: bytes) -> None:
        """Without a key of some length anybody could try all addresses."""
        with pytest.raises(ValueError, match="a key of 16 to 64 bytes"):
            PersonalData(Treatment.HASH, key)
