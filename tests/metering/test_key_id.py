"""One rule for what can be the id of a key, the same at every door."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import quote

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from pydantic import StringConstraints, TypeAdapter, ValidationError

from cli.look_up.usage_options import _key as key_of_command
from cli.plans.quota import _key as quota_key
from metering.billing_rule import BillingRule
from metering.calls.access_log import read_call
from metering.calls.call import Call
from metering.calls.delivery import LogEvent
from metering.calls.fast_calls import read_calls
from metering.calls.fast_keys import UsualKeys
from metering.errors import Misconfigured
from metering.key_id import (
    COUNTER_NAME_PATTERN,
    KEY_ID_PATTERN,
    LONGEST_KEY_ID,
    counted_key,
    is_key_id,
    key_id_fault,
    key_of_subject,
    secret_fault,
)
from metering.outcome import MALFORMED_KEY, OUTCOME_OF_KEY
from metering.prices.tariff_file import InvalidTariff, read_tariff
from metering.quotas.plan_file import read_plans
from usage_api.auth import key_of_customer
from usage_api.parameters import KEY_PATTERN, key_in_path
from usage_api.problems import Unauthorized

FIT = [
    "a1b2c3d4e5",
    "auth0|5f",
    "a/b",
    "<b>",
    "ä@example.com",
    "--",
    "-a",
    "...",
    ".a",
    "a!",
    "~" * 1022,
    "𝄞" * 256,
    "'" * 511,
]
UNFIT = {
    "nothing": "",
    "no key": "-",
    "malformed": "!malformed",
    "a leading !": "!x",
    "this folder": ".",
    "the folder above": "..",
    "a zero byte": "a\0b",
    "escape": "k\x1b[2Jx",
    "a line end": "a\nb",
    "a line end at the end": "a\n",
    "a C1 control": "a\u0085b",
    "a line separator": "a\u2028b",
    "damaged text": "a\ufffdb",
    "half a character": "a\ud800b",
}
LONG = ["a" * 1023, "𝄞" * 257, "'" * 512, "repo:o/r:ref@" + "x" * 2000]
"""Subjects of tokens that are counted under their beginning and a hash."""


def _log(key: str) -> bool:
    """The access log, on its clear and on its fast path, which must agree."""
    line = json.dumps(
        {
            "extendedRequestId": "e1",
            "apiKeyId": "-",
            "authorizerKeyId": key,
            "status": "200",
            "requestTimeEpoch": "1",
        }
    )
    event = LogEvent("1" * 56, 1, line)
    clear: Call = read_call(event, BillingRule())
    assert [clear] == read_calls([event], BillingRule())
    direct = LogEvent("1" * 56, 1, line.replace('"apiKeyId": "-"', f'"apiKeyId": {json.dumps(key)}'))
    assert read_call(direct, BillingRule()) == read_calls([direct], BillingRule())[0]
    return clear.key == key and key not in OUTCOME_OF_KEY


def _taken(act: Callable[[], object], error: type[Exception]) -> bool:
    try:
        act()
    except error:
        return False
    return True


def _plans(key: str) -> bool:
    return _taken(lambda: read_plans({"plans": {"p": {}}, "keys": {key: {"plan": "p"}}}), Misconfigured)


TARIFF: dict[str, Any] = {
    "currency": "EUR",
    "rounding": {"digits": 2, "mode": "half_even"},
    "zero_month": "lago",
    "plans": {
        "p": [
            {
                "version": "1",
                "valid_from": "2026-01",
                "prices": [{"metric": "billable", "model": "flat", "unit_price": "1"}],
            }
        ]
    },
}


def _tariff(key: str) -> bool:
    """Only what a fault says of the key counts: faults of anything else would hide it."""
    try:
        read_tariff({**TARIFF, "accounts": {"a": {"keys": [key], "plan": "p"}}})
    except InvalidTariff as error:
        return not any("key" in fault for fault in error.faults)
    return True


def _command(key: str) -> bool:
    return key in OUTCOME_OF_KEY or _taken(lambda: key_of_command(key), typer.BadParameter)


def _customer(key: str) -> bool:
    event = {"requestContext": {"identity": {"apiKeyId": key}}}
    return _taken(lambda: key_of_customer(event), Unauthorized)


DOORS = {"log": _log, "plans": _plans, "tariff": _tariff, "customer": _customer}
PATH: TypeAdapter[str] = TypeAdapter(
    Annotated[str, StringConstraints(pattern=KEY_PATTERN, min_length=1, max_length=LONGEST_KEY_ID)]
)


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
class TestDoors:
    @pytest.mark.parametrize("key", FIT)
    def test_fit(self, door: Callable[[str], bool], key: str) -> None:
        """What can be counted is taken by every door."""
        assert is_key_id(key)
        assert door(key)

    @pytest.mark.parametrize("key", UNFIT.values(), ids=UNFIT)
    def test_unfit(self, door: Callable[[str], bool], key: str) -> None:
        """What cannot be counted is taken by none."""
        assert not is_key_id(key)
        assert not door(key)


class TestLookUps:
    """Operators may look at the reserved counters as well, and at nothing else that is no key."""

    @pytest.mark.parametrize("key", [*FIT, *OUTCOME_OF_KEY])
    def test_taken(self, key: str) -> None:
        """By the pattern that the OpenAPI document shows, and by the command."""
        assert key == PATH.validate_python(key)
        assert key == key_of_command(key)

    @pytest.mark.parametrize("key", [key for key in UNFIT.values() if key not in OUTCOME_OF_KEY])
    def test_refused(self, key: str) -> None:
        """`..` and `.` would lead to another route of the API, or of the page."""
        with pytest.raises(ValidationError):
            PATH.validate_python(key)
        with pytest.raises(typer.BadParameter):
            key_of_command(key)


@pytest.mark.parametrize("subject", LONG, ids=["characters", "bytes", "quotes", "subject"])
def test_long_subjects(subject: str) -> None:
    """Every door takes a subject as the identity provider sends it, and means the key that its calls are
    counted under.
    """
    event = LogEvent("1" * 56, 1, json.dumps({"apiKeyId": subject, "status": "200"}))
    key = read_call(event, BillingRule()).key
    assert key == counted_key(subject) == key_of_subject(subject) == key_of_subject(key)
    assert key == key_of_command(subject) == quota_key(subject)
    assert key == key_in_path(quote(subject, safe=""))
    assert key == key_of_customer({"requestContext": {"identity": {"apiKeyId": subject}}})
    found = read_plans({"plans": {"p": {}}, "keys": {subject: {"plan": "p"}}})
    assert [key] == [one.key for one in found.keys.values()] == list(found.keys)
    with pytest.raises(Misconfigured, match="another spelling of"):
        read_plans({"plans": {"p": {}}, "keys": {key: {"plan": "p"}, subject: {"plan": "p"}}})
    tariff = read_tariff({**TARIFF, "accounts": {"a": {"keys": [subject], "plan": "p"}}})
    assert [(key,)] == [account.keys for account in tariff.accounts.values()]


class TestSecret:
    @pytest.mark.parametrize("secret", ["", "secret", "a" * 40, "ab" * 30, "12345678901234567890"[:19]])
    def test_weak(self, secret: str) -> None:
        """A key that somebody can find by trying the hash is refused; nothing of it is said again."""
        fault = secret_fault(secret)
        assert fault is not None
        assert secret == "" or secret not in fault

    def test_strong(self) -> None:
        """What API Gateway makes, and UUIDs, are taken."""
        for secret in ("zGv1cXk5x43Fa8Yr0vN2qW7tLmPd9sKe6bHjU3Ro", "9f0c6e3a-5d1b-4c7e-8a2f-0b1d3c5e7f90"):
            assert secret_fault(secret) is None


class TestRule:
    @given(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(".-!\n\x7f\u2028\ufffd")))
    def test_pattern(self, text: str) -> None:
        """The pattern and the function are one rule, but for the length."""
        fits = is_key_id(text[:200])
        assert fits == bool(re.fullmatch(KEY_ID_PATTERN, text[:200]))
        assert bool(re.fullmatch(COUNTER_NAME_PATTERN, text[:200])) == (fits or text in OUTCOME_OF_KEY)

    @given(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(".-!\n\x7f\u2028\ufffd")))
    def test_fault(self, text: str) -> None:
        """Whatever is refused is refused with a reason."""
        assert is_key_id(text) == (key_id_fault(text) is None)

    @given(st.text(st.sampled_from(".-!ab/:=")))
    def test_first_sight(self, text: str) -> None:
        """The fast paths take nothing that the rule refuses."""
        assert UsualKeys().learn(text) is None or is_key_id(text)

    def test_reasons(self) -> None:
        """A reason names what is wrong."""
        assert "'!malformed' is reserved for calls without a key" == key_id_fault(MALFORMED_KEY)
        assert "'..' leads elsewhere in an address" == key_id_fault("..")
        assert "1023 characters; an id has 1022 at most" in str(key_id_fault("a" * 1023))
        assert "1028 bytes; an id has 1024 at most" in str(key_id_fault("𝄞" * 257))
        assert "control characters" in str(key_id_fault("a\n"))
