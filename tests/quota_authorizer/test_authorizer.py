"""Answers to events of every documented shape."""

from __future__ import annotations

import json
from typing import Any

import pytest

from metering.quotas.key_digest import digest_of
from metering.quotas.plan import KeyStatus, Limit, Plan, Span
from metering.usage import Metric
from quota_authorizer.authorizer import AuthorizerOptions, KeySource
from quota_authorizer.decision import OnFailure
from quota_authorizer.request import InvalidRequest
from quota_authorizer.response import Unauthorized
from tests.quota_authorizer.events import (
    NOON_MS,
    STAGE,
    http,
    policy_faults,
    recorded,
    rest,
    simple_faults,
    token,
    websocket,
)
from tests.quota_authorizer.stores import Desk

SECRET = "zGv1cXk5x43Fa8Yr0vN2qW7tLmPd9sKe6bHjU3Ro"
KEY = "a1b2c3d4e5"
PLAN = Plan("free", (Limit(Metric.REQUESTS, Span.HOUR, 10), Limit(Metric.REQUESTS, Span.MONTH, 1000)))


def desk(**settings: Any) -> Desk:
    """An authorizer that knows one key."""
    one = Desk(**settings)
    one.store.ids[digest_of(SECRET)] = KEY
    one.store.give(KEY, PLAN)
    return one


def effect(answer: dict[str, Any]) -> str:
    """Allow or Deny."""
    return str(answer["policyDocument"]["Statement"][0]["Effect"])


POLICY_EVENTS = {
    "REST": rest(SECRET),
    "REST, key looked at": rest(key_id=KEY),
    "TOKEN": token(SECRET),
    "WebSocket": websocket(SECRET),
    "HTTP 1.0": rest(SECRET) | {"version": "1.0"},
}


class TestShapes:
    @pytest.mark.parametrize("event", POLICY_EVENTS.values(), ids=POLICY_EVENTS)
    def test_allowed(self, event: dict[str, Any]) -> None:
        """A key with quota left gets a policy for the whole stage."""
        answer = desk().answer(event)
        assert [] == policy_faults(answer)
        assert ("Allow", KEY) == (effect(answer), answer["principalId"])
        assert f"{STAGE}/*" == answer["policyDocument"]["Statement"][0]["Resource"]

    @pytest.mark.parametrize(
        "event", [event for event in POLICY_EVENTS.values() if event["type"] == "REQUEST"]
    )
    def test_denied(self, event: dict[str, Any]) -> None:
        """A key over its limit gets a policy that denies, with what the response needs to say."""
        one = desk()
        one.store.count(KEY, 10)
        answer = one.answer(event)
        assert [] == policy_faults(answer)
        assert "Deny" == effect(answer)
        assert {
            "decision": "denied",
            "authorizerKeyId": KEY,
            "plan": "free",
            "limit": "requests/hour",
            "remaining": "0",
            "reset": "1793883600",
            "retryAfter": "3600",
        } == answer["context"]

    def test_http_api(self) -> None:
        """An HTTP API (2.0) gets a plain yes or no."""
        one = desk()
        answer = one.answer(http(SECRET))
        assert [] == simple_faults(answer)
        assert answer["isAuthorized"] is True
        one = desk()
        one.store.count(KEY, 10)
        answer = one.answer(http(SECRET))
        assert [] == simple_faults(answer)
        assert (False, "3600") == (answer["isAuthorized"], answer["context"]["retryAfter"])

    def test_http_api_with_policies(self) -> None:
        """Or a policy, where the API is set up so."""
        answer = desk(options=AuthorizerOptions(simple_answers=False)).answer(http(SECRET))
        assert [] == policy_faults(answer)
        assert "Allow" == effect(answer)

    def test_recorded(self) -> None:
        """The recorded event, of an HTTP API, shows a key that nobody knows: a policy that denies."""
        answer = desk().answer(recorded())
        assert [] == policy_faults(answer)
        assert "Deny" == effect(answer)

    def test_recorded_known(self) -> None:
        """With its key made known, the recorded event is let through."""
        one = desk()
        one.store.ids[digest_of("...")] = KEY
        answer = one.answer(recorded())
        assert [] == policy_faults(answer)
        assert "Allow" == effect(answer)

    def test_long_path(self) -> None:
        """A method's ARN may have 1,600 bytes, the resource of a policy 512 characters."""
        event = rest(SECRET) | {"methodArn": f"{STAGE}/GET/{'x/' * 700}"}
        assert [] == policy_faults(desk().answer(event))

    @pytest.mark.parametrize("event", [{}, {"version": "2.0"}, {"type": "TOKEN"}, {"Records": []}])
    def test_no_request(self, event: dict[str, Any]) -> None:
        """What comes from no authorizer is refused."""
        with pytest.raises(InvalidRequest):
            desk().answer(event)


class TestStrangers:
    @pytest.mark.parametrize("event", [rest("wrong"), rest(), token("wrong"), websocket("wrong")])
    def test_rest(self, event: dict[str, Any]) -> None:
        """A REST API makes status 401 of exactly this error."""
        with pytest.raises(Unauthorized, match=r"\AUnauthorized\Z"):
            desk().answer(event)

    @pytest.mark.parametrize("event", [http("wrong"), http()])
    def test_http(self, event: dict[str, Any]) -> None:
        """An HTTP API would make status 500 of an error: it gets a no, which is 403."""
        assert {"isAuthorized": False, "context": {}} == desk().answer(event)

    def test_suspended(self) -> None:
        """A suspended key is treated as one that nobody knows."""
        one = desk()
        one.store.give(KEY, PLAN, status=KeyStatus.SUSPENDED)
        with pytest.raises(Unauthorized):
            one.answer(rest(SECRET))
        assert {"isAuthorized": False, "context": {}} == one.answer(http(SECRET))

    def test_expired(self) -> None:
        """So is one that has expired: to the second, and by the time at which API Gateway took the call."""
        one = desk()
        expires = NOON_MS // 1000 + 1
        one.store.give(KEY, PLAN, expires=expires)
        assert "Allow" == effect(one.answer(rest(SECRET)))
        late = rest(SECRET)
        late["requestContext"]["requestTimeEpoch"] = expires * 1000
        with pytest.raises(Unauthorized):
            one.answer(late)

    def test_without_plan(self) -> None:
        """A known key without a plan has no limits; it is counted all the same."""
        one = desk()
        one.store.assignments.clear()
        answer = one.answer(rest(SECRET))
        assert {"decision": "allowed", "authorizerKeyId": KEY} == answer["context"]

    def test_default_plan(self) -> None:
        """Unless there is a plan for such keys."""
        one = desk(default_plan="free")
        one.store.assignments.clear()
        one.store.count(KEY, 10)
        assert "Deny" == effect(one.answer(rest(SECRET)))


class TestContext:
    def test_remaining(self) -> None:
        """It names the limit that is closest, what is left of it, and when it is whole again."""
        one = desk()
        one.store.count(KEY, 7)
        assert {
            "decision": "allowed",
            "authorizerKeyId": KEY,
            "plan": "free",
            "limit": "requests/hour",
            "remaining": "3",
            "reset": "1793883600",
        } == one.answer(rest(SECRET))["context"]

    @pytest.mark.parametrize(
        ("header", "length"),
        [
            ({"Content-Length": "4096"}, "4096"),
            ({"content-length": "0"}, "0"),
            ({"Content-Length": "-5"}, None),
            ({"Content-Length": "99999999999999999999"}, None),
            ({"Content-Length": str(2**40 + 1)}, None),
            ({"Content-Length": "٣"}, None),
            ({"Content-Length": "many"}, None),
            ({"Content-Length": "0000000000005"}, "0000000000005"),
            ({"Content-Length": "5, 5"}, None),
            ({"Content-Length": "+5"}, None),
            ({"Content-Length": "5.0"}, None),
            ({}, None),
        ],
    )
    def test_request_length(self, header: dict[str, str], length: str | None) -> None:
        """The size of the body is for the access log; one that would make its line malformed is left out."""
        assert length == desk().answer(rest(SECRET, headers=header))["context"].get("requestLength")

    def test_request_length_of_kept_answers(self) -> None:
        """An answer that API Gateway uses again would give every call the size of the first."""
        one = desk(options=AuthorizerOptions(result_ttl_seconds=60))
        answer = one.answer(rest(SECRET, headers={"Content-Length": "4096"}))
        assert "requestLength" not in answer["context"]

    @pytest.mark.parametrize("event", POLICY_EVENTS.values(), ids=POLICY_EVENTS)
    def test_no_secret(self, event: dict[str, Any]) -> None:
        """The key itself is in no answer."""
        assert SECRET not in json.dumps(desk().answer(event))

    def test_key_from_authorizer(self) -> None:
        """Unless the stage takes its key from the authorizer."""
        one = desk(options=AuthorizerOptions(key_source=KeySource.AUTHORIZER))
        answer = one.answer(rest(SECRET))
        assert [] == policy_faults(answer)
        assert SECRET == answer["usageIdentifierKey"]

    def test_other_header(self) -> None:
        """The key may come in another header."""
        one = desk(options=AuthorizerOptions(key_header="x-partner-key"))
        event = rest(headers={"X-Partner-Key": SECRET})
        assert "Allow" == effect(one.answer(event))


class TestOutOfReach:
    def test_allowed(self) -> None:
        """While the store does not answer, calls are let through and counted as unchecked."""
        one = desk()
        one.store.out_of_reach = True
        answer = one.answer(rest(key_id=KEY))
        assert ("Allow", "unchecked") == (effect(answer), answer["context"]["decision"])
        assert (1, 1) == (one.decide.counts["Unchecked"], one.decide.counts["StoreFailures"])

    def test_denied(self) -> None:
        """Or denied for a second, by setting."""
        one = desk(on_failure=OnFailure.DENY)
        one.store.out_of_reach = True
        answer = one.answer(rest(key_id=KEY))
        assert ("Deny", "1") == (effect(answer), answer["context"]["retryAfter"])
        assert "denied" == answer["context"]["decision"], "the log says that it is not to be billed"

    def test_unknown(self) -> None:
        """Where nobody can say whose key it is, nobody is let in, whatever the setting: it says what happens
        to calls whose usage is not known, not to callers who are not known.
        """
        one = desk(on_failure=OnFailure.ALLOW)
        one.store.out_of_reach = True
        with pytest.raises(Unauthorized):
            one.answer(rest(SECRET))
        assert {"isAuthorized": False, "context": {}} == one.answer(http(SECRET))
        assert {"Unverified": 2, "StoreFailures": 2} == dict(one.decide.counts)
        assert 1 == len(one.store.requests)

    def test_known_before(self) -> None:
        """A key that was known stays known for an hour; one that was not, or was taken away, does not."""
        one = desk()
        one.answer(rest(SECRET))
        with pytest.raises(Unauthorized):
            one.answer(rest("wrong"))
        one.store.out_of_reach = True
        one.clock.now += 3599
        assert "Allow" == effect(one.answer(rest(SECRET)))
        with pytest.raises(Unauthorized):
            one.answer(rest("wrong"))
        one.clock.now += 1
        with pytest.raises(Unauthorized):
            one.answer(rest(SECRET))
        one.store.out_of_reach = False
        one.clock.now += 1
        assert "Allow" == effect(one.answer(rest(SECRET)))

    def test_kept_answers(self) -> None:
        """No answer that API Gateway keeps is given to a caller whom nobody can name now."""
        one = desk(options=AuthorizerOptions(result_ttl_seconds=3600))
        one.store.out_of_reach = True
        for event in (rest(SECRET), http(SECRET)):
            with pytest.raises(Unauthorized):
                one.answer(event)

    def test_last_word(self) -> None:
        """A key that was over its limit stays so: usage only grows."""
        one = desk()
        one.store.count(KEY, 10)
        one.answer(rest(SECRET))
        one.store.out_of_reach = True
        one.clock.now += 30
        assert "Deny" == effect(one.answer(rest(SECRET)))

    def test_recovers(self) -> None:
        """A second later it is asked again."""
        one = desk()
        one.store.out_of_reach = True
        one.answer(rest(key_id=KEY))
        one.store.out_of_reach = False
        assert "unchecked" == one.answer(rest(key_id=KEY))["context"]["decision"]
        one.clock.now += 1
        assert "allowed" == one.answer(rest(key_id=KEY))["context"]["decision"]


class TestKeptAnswers:
    """API Gateway keeps an answer by the header of the identity source. Nothing else may decide then."""

    TTL = 300
    OTHER = "secret-of-initech"

    def two(self, **options: Any) -> Desk:
        """An authorizer that knows two keys."""
        one = desk(options=AuthorizerOptions(result_ttl_seconds=self.TTL, **options))
        one.store.ids[digest_of(self.OTHER)] = "initech-key"
        return one

    def test_token_decides(self) -> None:
        """With an issuer that is `Authorization`: a key beside it is not looked at, whoever looked at it
        before.
        """
        one = self.two(has_issuer=True)
        one.believe(lambda token, _: {"good": "token-key"}.get(token))
        answer = one.answer(rest(SECRET, key_id=KEY, headers={"Authorization": "Bearer good"}))
        assert ("token-key", "token-key") == (answer["principalId"], answer["context"]["authorizerKeyId"])
        for headers in ({"Authorization": "none"}, {"Authorization": "Bearer bad"}, {}):
            with pytest.raises(Unauthorized):
                one.answer(rest(SECRET, key_id=KEY, headers=headers))

    def test_header_decides(self) -> None:
        """With a header of one's own it is that one, and not the key that API Gateway has looked at."""
        one = self.two(key_header="x-partner-key")
        event = rest(self.OTHER, key_id="initech-key", headers={"X-Partner-Key": SECRET})
        assert KEY == one.answer(event)["principalId"]
        with pytest.raises(Unauthorized):
            one.answer(rest(self.OTHER, key_id="initech-key", headers={"X-Partner-Key": "wrong"}))

    def test_same_header(self) -> None:
        """Where both are the same header, API Gateway's word for it is taken."""
        assert "named-by-aws" == self.two().answer(rest("anything", key_id="named-by-aws"))["principalId"]


class TestHeaders:
    @pytest.mark.parametrize("event", [rest(), http()])
    def test_differ_in_case(self, event: dict[str, Any]) -> None:
        """Two headers of one name that hold different keys prove neither; the same key twice is one."""
        one = desk()
        event["headers"] |= {"x-api-key": SECRET, "X-API-KEY": "another"}
        if event.get("version"):
            assert {"isAuthorized": False, "context": {}} == one.answer(event)
        else:
            with pytest.raises(Unauthorized):
                one.answer(event)
        event["headers"]["X-API-KEY"] = SECRET
        answer = one.answer(event)
        assert answer.get("isAuthorized") or "Allow" == effect(answer)

    def test_unfit_key(self) -> None:
        """A key that the meter cannot count is let in by no door, whoever names it."""
        one = desk()
        one.store.ids[digest_of("s")] = "!malformed"
        for event in (rest("s"), rest(key_id="a" * 1023), rest(key_id="-")):
            with pytest.raises(Unauthorized):
                one.answer(event)
        assert {"UnknownKeys": 3} == dict(one.decide.counts)
