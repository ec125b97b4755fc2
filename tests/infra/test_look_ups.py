"""The API of look-ups: who may call what, what API Gateway itself refuses, and that it can be left out."""

from __future__ import annotations

import json
import re
from typing import Any

import botocore.session
import pytest

from local_cloud.template.document import Stack, load_template, translated

RESOURCES = translated()["Resources"]
STACK = Stack()
WITHOUT = Stack({"LookUps": "no"})
BODY = STACK.resource("LookUpApi")["Body"]
CUSTOMERS = [
    *("/me/breakdown", "/me/cost", "/me/invoices", "/me/invoices/{invoice}", "/me/quota", "/me/usage"),
    "/me/usage/{period}",
]
OPERATORS = [
    *("/health", "/keys", "/keys/{id}/breakdown", "/keys/{id}/cost", "/keys/{id}/invoices"),
    *("/keys/{id}/invoices/{invoice}", "/keys/{id}/quota", "/keys/{id}/usage", "/keys/{id}/usage/{period}"),
    *("/top", "/traffic"),
]
BY_LINK = [path.replace("/me/", "/link/") for path in CUSTOMERS]
OPEN = ["/", "/assets/{name}", "/openapi.json"]


def method(path: str) -> dict[str, Any]:
    """The one method of a path: nothing but GET is there."""
    methods: dict[str, Any] = BODY["paths"][path]
    assert ["get"] == list(methods)
    found: dict[str, Any] = methods["get"]
    return found


class TestMethods:
    def test_all_known(self) -> None:
        """A path that is added comes under these tests."""
        assert sorted([*CUSTOMERS, *BY_LINK, *OPERATORS, *OPEN]) == sorted(BODY["paths"])

    @pytest.mark.parametrize("path", CUSTOMERS)
    def test_customers(self, path: str) -> None:
        """An API key is required: only then API Gateway says whose request it is."""
        assert [{"api_key": []}] == method(path)["security"]

    @pytest.mark.parametrize("path", OPERATORS)
    def test_operators(self, path: str) -> None:
        """IAM decides, and the function is called with the API's permission, not with the caller's."""
        assert [{"AWS_IAM": []}] == method(path)["security"]
        assert "credentials" not in method(path)["x-amazon-apigateway-integration"]

    def test_iam_is_iam(self) -> None:
        """What the methods name is AWS's own check of signatures, and its own header of keys."""
        iam, key = (BODY["components"]["securitySchemes"][name] for name in ("AWS_IAM", "api_key"))
        assert "awsSigv4" == iam["x-amazon-apigateway-authtype"]
        assert ("apiKey", "x-api-key", "header") == (key["type"], key["name"], key["in"])

    @pytest.mark.parametrize("path", OPEN)
    def test_open(self, path: str) -> None:
        """The page and the document hold no data."""
        assert [{"NONE": []}] == method(path)["security"]

    @pytest.mark.parametrize("path", BY_LINK)
    def test_by_link(self, path: str) -> None:
        """API Gateway asks for nothing: the function checks the link."""
        assert [{"NONE": []}] == method(path)["security"]

    def test_closed_unless_opened(self) -> None:
        """A method that is added and says nothing is for whoever signs: nothing is open by an omission."""
        api = load_template()["Resources"]["LookUpApi"]["Properties"]
        assert {"DefaultAuthorizer": "AWS_IAM", "InvokeRole": "NONE"} == api["Auth"]

    @pytest.mark.parametrize("path", [*CUSTOMERS, *BY_LINK, *OPERATORS, *OPEN])
    def test_permission(self, path: str) -> None:
        """API Gateway may call the function for this path, of this API only."""
        sources = [
            str(STACK.resource(name)["SourceArn"])
            for name, one in RESOURCES.items()
            if one["Type"] == "AWS::Lambda::Permission" and name.startswith("UsageApiFunction")
        ]
        place = re.sub(r"\{\w+\}", "*", path)
        assert [f"arn:aws:execute-api:us-east-1:123456789012:{STACK.name('LookUpApi')}/*/GET{place}"] == [
            one for one in sources if one.endswith(f"/GET{place}")
        ]


class TestStage:
    STAGE = STACK.resource("LookUpApiprodStage")

    def test_never_metered(self) -> None:
        """The stage writes no access log, and no log of executions: nothing of it can come back as a call."""
        assert "AccessLogSetting" not in self.STAGE
        assert {"OFF"} == {settings["LoggingLevel"] for settings in self.STAGE["MethodSettings"]}

    def test_throttled(self) -> None:
        """All together, and each key: whoever asks too often gets status 429."""
        settings, *others = self.STAGE["MethodSettings"]
        assert ("/*", "*") == (settings["ResourcePath"], settings["HttpMethod"])
        assert [50, 50] == [int(settings[name]) for name in ("ThrottlingRateLimit", "ThrottlingBurstLimit")]
        small = {
            one["ResourcePath"]: (one["HttpMethod"], one["ThrottlingRateLimit"], one["ThrottlingBurstLimit"])
            for one in others
        }
        assert {f"/{path.replace('/', '~1')}": ("GET", 10, 20) for path in BY_LINK} == small
        plan = STACK.resource("LookUpUsagePlan")
        assert {"RateLimit": 5, "BurstLimit": 20} == plan["Throttle"]
        (stage,) = plan["ApiStages"]
        assert STACK.name("LookUpApi") == stage["ApiId"]

    def test_url(self) -> None:
        """The address ends with a slash: the page's own addresses are relative to it."""
        assert STACK.output("LookUpApiUrl").endswith("/prod/")

    def test_problems(self) -> None:
        """What API Gateway refuses by itself is a problem document too, in its own words."""
        responses = BODY["x-amazon-apigateway-gateway-responses"]
        assert {"DEFAULT_4XX", "DEFAULT_5XX", "INVALID_API_KEY"} == responses.keys()
        for response in responses.values():
            parameters = response["responseParameters"]
            assert "'application/problem+json'" == parameters["gatewayresponse.header.Content-Type"]
            text = response["responseTemplates"]["application/json"]
            filled = text.replace("$context.status", "403").replace(
                "$context.error.messageString", '"Forbidden"'
            )
            assert {"type", "title", "status", "detail"} == json.loads(filled).keys()
        assert "401" == str(responses["INVALID_API_KEY"]["statusCode"])


class TestLeftOut:
    def test_nothing_is_left(self) -> None:
        """Without look-ups there is neither API, function, role nor log group of them."""
        names = [name for name in RESOURCES if name.startswith(("LookUp", "UsageApi"))]
        assert len(names) > 10
        assert [] == [name for name in names if WITHOUT.has(name)]
        assert [True] * len(names) == [STACK.has(name) for name in names]
        assert ["-", "-", "-"] == [
            WITHOUT.output(name) for name in ("LookUpApiUrl", "LookUpApiId", "LookUpUsagePlanId")
        ]

    def test_on_by_default(self) -> None:
        """They are there unless somebody says no."""
        assert "yes" == load_template()["Parameters"]["LookUps"]["Default"]


class TestFunction:
    def test_environment(self) -> None:
        """The same table and the same default plan as the authorizer has."""
        variables = STACK.environment("UsageApiFunction")
        authorizer = STACK.environment("QuotaAuthorizerFunction")
        for name in ("COUNTERS_TABLE", "DEFAULT_PLAN"):
            assert authorizer[name] == variables[name]
        assert "usage_api" == variables["POWERTOOLS_SERVICE_NAME"]

    def test_digest_key(self) -> None:
        """The log hashes ids of keys with the end of the stack's id, as the lake does with addresses."""
        key = STACK.environment("FirehoseTransformFunction")["PERSONAL_DATA_KEY"]
        assert key == STACK.environment("UsageApiFunction")["LOOK_UP_DIGEST_KEY"]
        assert len(key) >= 16


class TestTransport:
    API = STACK.resource("LookUpApi")

    def test_tls(self) -> None:
        """Nothing older than TLS 1.2, by a policy that API Gateway has for REST APIs (botocore's model)."""
        model = botocore.session.get_session().get_service_model("apigateway")
        assert self.API["SecurityPolicy"] in model.shape_for("SecurityPolicy").metadata["enum"]
        assert "TLS13_1_2" in self.API["SecurityPolicy"]
        assert "BASIC" == self.API["EndpointAccessMode"], "wanted beside such a policy"

    def test_no_domain_of_its_own(self) -> None:
        """The stack makes no custom domain: whoever puts one in front chooses its policy."""
        assert [] == [name for name, one in RESOURCES.items() if one["Type"].endswith("::DomainName")]
