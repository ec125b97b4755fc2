"""The authorizer at an API, and the way of thresholds to somebody."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.dynamodb.layout import lease_pk
from adapters.event_bus import DETAIL_TYPE, event_detail
from adapters.settings.functions import QuotaAuthorizerSettings, StreamProcessorSettings
from local_cloud.stack import LocalCloud
from local_cloud.template.document import Stack, translated
from local_cloud.template.intrinsics import UnresolvableError
from metering.errors import Misconfigured
from metering.period import Period
from metering.quotas.ports import ThresholdCrossing

STACK = Stack()
REST = Stack(
    {"GuardedRestApiId": "a1b2c3d4e5", "QuotaResultTtlSeconds": 30, "QuotaKeyHeader": "X-Partner-Key"}
)
TOKENS = {"TokenIssuer": "https://login.example/", "TokenAudience": "orders"}
HTTP = Stack({"GuardedHttpApiId": "f6g7h8i9j0", **TOKENS})
API = "arn:aws:execute-api:us-east-1:123456789012"


class TestSettings:
    def test_defaults(self) -> None:
        """What the template sets is what the function reads."""
        settings = QuotaAuthorizerSettings.from_environment(STACK.environment("QuotaAuthorizerFunction"))
        assert STACK.name("CountersTable") == settings.counters_table
        assert (5, None, "allow", "x-api-key", "HEADER", 0, None, "sub") == (
            settings.counters_seconds,
            settings.default_plan,
            settings.on_failure,
            settings.key_header,
            settings.key_source,
            settings.result_ttl_seconds,
            settings.token_issuer,
            settings.token_claim,
        )

    def test_time_to_answer(self) -> None:
        """An HTTP API waits for 10 seconds."""
        assert STACK.resource("QuotaAuthorizerFunction")["Timeout"] < 10

    def test_lease_items(self) -> None:
        """The items that the role may write are those that the function writes."""
        (writing,) = [
            statement
            for statement in STACK.resource("QuotaAuthorizerRole")["Policies"][0]["PolicyDocument"][
                "Statement"
            ]
            if statement["Action"] == "dynamodb:UpdateItem"
        ]
        assert [lease_pk("*")] == writing["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]


class TestRestApi:
    def test_none(self) -> None:
        """Without an API there is nothing to attach to."""
        for name in ("RestApiAuthorizer", "RestApiQuotaUsedUp", "RestApiMayAsk", "HttpApiAuthorizer"):
            assert not STACK.has(name)
        assert "-" == STACK.output("RestApiAuthorizerId")

    def test_authorizer(self) -> None:
        """It is asked with the whole request, keyed by the key's header; answers are kept as it believes."""
        authorizer = REST.resource("RestApiAuthorizer")
        assert ["REQUEST", "method.request.header.X-Partner-Key"] == [
            authorizer["Type"],
            authorizer["IdentitySource"],
        ]
        assert authorizer["AuthorizerUri"].endswith(f"{REST.arn('QuotaAuthorizerFunction')}/invocations")
        variables = REST.environment("QuotaAuthorizerFunction")
        assert "30" == str(authorizer["AuthorizerResultTtlInSeconds"]) == variables["RESULT_TTL_SECONDS"]
        assert "x-partner-key" == QuotaAuthorizerSettings.from_environment(variables).key_header

    def test_tokens_beside_keys(self) -> None:
        """With tokens either of two headers may name the caller, so that neither has to be there; and no
        answer is kept.
        """
        authorizer = Stack({"GuardedRestApiId": "a1b2c3d4e5", **TOKENS}).resource("RestApiAuthorizer")
        assert ("IdentitySource" in authorizer, "0") == (
            False,
            str(authorizer["AuthorizerResultTtlInSeconds"]),
        )

    def test_status(self) -> None:
        """A denial is status 429, and says when to come back."""
        response = REST.resource("RestApiQuotaUsedUp")
        assert ["a1b2c3d4e5", "ACCESS_DENIED", "429"] == [
            response[key] for key in ("RestApiId", "ResponseType", "StatusCode")
        ]
        assert (
            "context.authorizer.retryAfter"
            == response["ResponseParameters"]["gatewayresponse.header.Retry-After"]
        )
        body = json.loads(response["ResponseTemplates"]["application/json"])
        assert "$context.authorizer.retryAfter" == body["retryAfter"]

    def test_other_refusals_left_alone(self) -> None:
        """An API whose other policies deny calls, too, keeps its own response to them."""
        kept = Stack({"GuardedRestApiId": "a1b2c3d4e5", "DenialsAre429": "no"})
        assert kept.has("RestApiAuthorizer")
        assert not kept.has("RestApiQuotaUsedUp")

    def test_pages_can_read_it(self) -> None:
        """A page of another origin sees the status and when to come back; by a parameter one origin's, or
        none.
        """
        allow, expose = (
            f"gatewayresponse.header.Access-Control-{one}" for one in ("Allow-Origin", "Expose-Headers")
        )
        parameters = REST.resource("RestApiQuotaUsedUp")["ResponseParameters"]
        assert ["'*'", "'Retry-After,X-Quota-Limit,X-Quota-Reset'"] == [parameters[allow], parameters[expose]]
        one = Stack({"GuardedRestApiId": "a1b2c3d4e5", "DenialOrigin": "https://shop.example"})
        assert "'https://shop.example'" == one.resource("RestApiQuotaUsedUp")["ResponseParameters"][allow]
        none = Stack({"GuardedRestApiId": "a1b2c3d4e5", "DenialOrigin": ""})
        assert not {allow, expose} & set(none.resource("RestApiQuotaUsedUp")["ResponseParameters"])

    def test_of_a_definition(self) -> None:
        """Where the API's own definition names the authorizer, the stack adds nothing to the API that an
        import would take away, and lets any authorizer of that API call the function.
        """
        stack = Stack({"GuardedRestApiId": "a1b2", "GuardedHttpApiId": "c3d4", "AuthorizerIn": "definition"})
        for name in ("RestApiAuthorizer", "RestApiQuotaUsedUp", "HttpApiAuthorizer"):
            assert not stack.has(name)
        for name, api in (("RestApiMayAsk", "a1b2"), ("HttpApiMayAsk", "c3d4")):
            assert f"{API}:{api}/authorizers/*" == stack.resource(name)["SourceArn"]
        assert "-" == stack.output("RestApiAuthorizerId")

    def test_who_may_ask(self) -> None:
        """Authorizers of this API, and nobody else's."""
        permission = REST.resource("RestApiMayAsk")
        assert "apigateway.amazonaws.com" == permission["Principal"]
        assert permission["SourceArn"].startswith(f"{API}:a1b2c3d4e5/authorizers/")


class TestHttpApi:
    def test_authorizer(self) -> None:
        """It sends events of version 2.0, takes plain answers, and is keyed by the token where there is an
        issuer.
        """
        authorizer = HTTP.resource("HttpApiAuthorizer")
        assert ["2.0", True, ["$request.header.Authorization"]] == [
            authorizer[key]
            for key in ("AuthorizerPayloadFormatVersion", "EnableSimpleResponses", "IdentitySource")
        ]
        settings = QuotaAuthorizerSettings.from_environment(HTTP.environment("QuotaAuthorizerFunction"))
        assert ("https://login.example/", "orders") == (settings.token_issuer, settings.token_audience)

    def test_who_may_ask(self) -> None:
        """This authorizer of this API."""
        assert HTTP.resource("HttpApiMayAsk")["SourceArn"].startswith(f"{API}:f6g7h8i9j0/authorizers/")


RULES = [name for name, one in translated()["Resources"].items() if one["Type"] == "AWS::Events::Rule"]


class TestUndelivered:
    """What a rule or an asynchronous invocation could not hand over waits in a queue."""

    QUEUE = STACK.arn("UndeliveredEvents")

    @pytest.mark.parametrize("rule", RULES)
    def test_each_rule(self, rule: str) -> None:
        """Each target of each rule has the queue behind it, and the queue takes from this rule."""
        assert [{"Arn": self.QUEUE}] == [
            target.get("DeadLetterConfig") for target in STACK.resource(rule)["Targets"]
        ]
        allow, deny = STACK.resource("UndeliveredEventsPolicy")["PolicyDocument"]["Statement"]
        assert STACK.arn(rule) in allow["Condition"]["ArnEquals"]["aws:SourceArn"]
        assert ["Deny", {"Bool": {"aws:SecureTransport": "false"}}] == [deny["Effect"], deny["Condition"]]

    @pytest.mark.parametrize("rule", RULES)
    def test_each_function(self, rule: str) -> None:
        """A function that a rule invokes is invoked asynchronously: what it fails on goes into the queue,
        and its role may put it there.
        """
        for target in STACK.resource(rule)["Targets"]:
            if ":function:" not in target["Arn"]:
                continue
            (function,) = [
                name
                for name, one in translated()["Resources"].items()
                if one["Type"] == "AWS::Lambda::Function" and STACK.arn(name) == target["Arn"]
            ]
            settings = STACK.resource(f"{function}EventInvokeConfig")
            assert {"OnFailure": {"Destination": self.QUEUE}} == settings["DestinationConfig"]
            policy = STACK.resource(f"{function.removesuffix('Function')}Role")["Policies"][0][
                "PolicyDocument"
            ]
            assert self.QUEUE in [
                one["Resource"] for one in policy["Statement"] if one["Action"] == "sqs:SendMessage"
            ]


class TestRules:
    """Parameters that cannot be right together are refused before anything is changed."""

    @pytest.mark.parametrize(
        "parameters",
        [
            {},
            {"QuotaResultTtlSeconds": 300, "GuardedRestApiId": "a1b2c3d4e5"},
            {"QuotaApiKeySource": "AUTHORIZER", "QuotaResultTtlSeconds": 3600},
            TOKENS,
            {**TOKENS, "GuardedHttpApiId": "f6g7h8i9j0", "QuotaResultTtlSeconds": 300},
            {**TOKENS, "GuardedRestApiId": "a1b2c3d4e5"},
        ],
    )
    def test_right(self, parameters: dict[str, object]) -> None:
        """What can be right is taken."""
        assert [] == Stack(parameters).broken_rules

    @pytest.mark.parametrize(
        ("parameters", "why"),
        [
            ({"TokenIssuer": "https://login.example"}, "TokenIssuer without TokenAudience"),
            ({"TokenAudience": "orders"}, "TokenAudience says nothing"),
            ({**TOKENS, "QuotaApiKeySource": "AUTHORIZER"}, "QuotaApiKeySource=AUTHORIZER"),
            (
                {**TOKENS, "GuardedRestApiId": "a1b2", "QuotaResultTtlSeconds": 1},
                "Set QuotaResultTtlSeconds=0",
            ),
        ],
    )
    def test_wrong(self, parameters: dict[str, object], why: str) -> None:
        """What cannot be right is refused, with the way out; and the local cloud does not start with it."""
        (fault,) = Stack(parameters).broken_rules
        assert why in fault
        with pytest.raises(UnresolvableError, match=why), LocalCloud(parameters):
            pass

    def test_refused_by_the_function(self) -> None:
        """A function that somebody sets up without the template refuses the worst of them too."""
        with pytest.raises(Misconfigured, match="TOKEN_AUDIENCE is not set"):
            QuotaAuthorizerSettings.from_environment(
                {"COUNTERS_TABLE": "t", "TOKEN_ISSUER": "https://login.example"}
            )


class TestThresholds:
    RULE: dict[str, Any] = STACK.resource("ThresholdRule")

    def test_pattern(self) -> None:
        """The rule takes what the stream processor publishes, of this stack only."""
        settings = StreamProcessorSettings.from_environment(STACK.environment("StreamProcessorFunction"))
        assert {"source": [settings.alert_source], "detail-type": [DETAIL_TYPE]} == self.RULE["EventPattern"]

    def test_message(self) -> None:
        """The message is made of fields that the event has."""
        crossing = ThresholdCrossing(
            "id", "a1", "acme", "free", 1, "requests", Period("2026-11"), 10, "hard", 80, 8
        )
        fields = {f"$.detail.{name}" for name in event_detail(crossing)}
        transformer = self.RULE["Targets"][0]["InputTransformer"]
        assert set(transformer["InputPathsMap"].values()) <= fields
        template = transformer["InputTemplate"]
        assert all(f"<{name}>" in template for name in transformer["InputPathsMap"])
        assert (True, "\n" in template) == (template.startswith('"') and template.endswith('"'), False)

    def test_topic(self) -> None:
        """EventBridge publishes to the topic. It does so only where the topic's policy has no condition:
        with one, mails would be dropped, and nothing would show it.
        """
        (allow,) = STACK.resource("QuotaTopicPolicy")["PolicyDocument"]["Statement"]
        assert ["Allow", {"Service": "events.amazonaws.com"}] == [allow["Effect"], allow["Principal"]]
        assert "Condition" not in allow
        assert [STACK.name("QuotaTopic")] == [target["Arn"] for target in self.RULE["Targets"]]

    def test_mail(self) -> None:
        """An address gets mail; without one nobody is."""
        assert not STACK.has("QuotaSubscription")
        assert (
            "quotas@example.com"
            == Stack({"QuotaEmail": "quotas@example.com"}).resource("QuotaSubscription")["Endpoint"]
        )
