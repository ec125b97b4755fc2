"""`usage-meter connect` and `disconnect` against a local cloud with REST APIs of other people."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.httpsession import URLLib3Session

from cli.common.errors import CommandError
from local_cloud.stack import LocalCloud
from metering.errors import Misconfigured
from tests.cli.look_up.looked_up import invoke

OWN_FORMAT = '{"ip":"$context.identity.sourceIp","status":$context.status}'


class Account:
    """Stages of somebody's, beside the meter's stack."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud
        self.rest = cloud.client("apigateway")
        self.logs = cloud.client("logs")
        cloud.publish()

    def api(self, name: str, log: dict[str, str] | None = None) -> str:
        """A REST API with a stage `prod`: its id."""
        api: str = self.rest.create_rest_api(name=name)["id"]
        (root,) = self.rest.get_resources(restApiId=api)["items"]
        self.rest.put_method(restApiId=api, resourceId=root["id"], httpMethod="GET", authorizationType="NONE")
        self.rest.put_integration(restApiId=api, resourceId=root["id"], httpMethod="GET", type="MOCK")
        self.rest.create_deployment(restApiId=api, stageName="prod")
        if log:
            operations = [
                {"op": "replace", "path": f"/accessLogSettings/{name}", "value": value}
                for name, value in log.items()
            ]
            self.rest.update_stage(restApiId=api, stageName="prod", patchOperations=operations)
        return api

    def log_of(self, api: str) -> Any:
        """What the stage logs."""
        return self.rest.get_stage(restApiId=api, stageName="prod").get("accessLogSettings")

    def filters(self, group: str) -> list[str]:
        """The names of a group's filters."""
        found = self.logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
        return [one["filterName"] for one in found]

    def group(self, name: str) -> str:
        """A log group: its ARN, as a stage names it."""
        self.logs.create_log_group(logGroupName=name)
        return f"arn:aws:logs:us-east-1:{self.cloud.endpoint.account_id}:log-group:{name}"


@pytest.fixture
def account(
    monkeypatch: pytest.MonkeyPatch,
    own_environment: None,  # noqa: ARG001 - it comes first
    tmp_path: Path,
) -> Iterator[Account]:
    """A cloud, and the command in it."""
    with LocalCloud() as cloud:
        for name, value in cloud.endpoint.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)
        # moto cannot change stages of HTTP APIs: tests/engines has those.
        yield Account(cloud)


class TestDryRun:
    def test_changes_nothing(self, account: Account) -> None:
        """By default it shows the format that a stage has and gets, and changes nothing."""
        destination = account.group("/aws/apigateway/orders")
        api = account.api("orders", {"destinationArn": destination, "format": OWN_FORMAT})
        shown = invoke("connect")
        assert 0 == shown.exit_code, shown.stderr
        assert f"{api}/prod  REST  orders: will be connected" in shown.stdout
        assert "/aws/apigateway/orders gets a subscription filter" in shown.stdout
        assert OWN_FORMAT in shown.stdout.replace("\n", "")
        assert OWN_FORMAT == account.log_of(api)["format"]
        assert [] == account.filters("/aws/apigateway/orders")
        assert not list(Path.cwd().iterdir())


class TestApply:
    def test_and_back(self, account: Account) -> None:
        """Stages log what the meter reads, with their own fields; disconnecting restores each exactly."""
        destination = account.group("/aws/apigateway/orders")
        logging = account.api("orders", {"destinationArn": destination, "format": OWN_FORMAT})
        silent = account.api("users")
        before = {api: account.log_of(api) for api in (logging, silent)}
        assert 0 == invoke("connect", "--all", "--apply").exit_code
        fields = json.loads(account.log_of(logging)["format"])
        assert "$context.identity.sourceIp" == fields["ip"]
        assert ["$context.status", "$context.extendedRequestId"] == [
            fields[name] for name in ("status", "extendedRequestId")
        ]
        assert account.log_of(silent)["destinationArn"].endswith(f":{account.cloud.log_group}")
        assert ["usage-meter"] == account.filters("/aws/apigateway/orders")
        assert "is connected" in invoke("connect").stdout
        assert 0 == invoke("disconnect", "--apply").exit_code
        assert before == {api: account.log_of(api) for api in (logging, silent)}
        assert [] == account.filters("/aws/apigateway/orders")

    def test_twice(self, account: Account) -> None:
        """Connecting again keeps what was there at first."""
        api = account.api("orders", {"destinationArn": account.group("orders"), "format": OWN_FORMAT})
        for _ in range(2):
            assert 0 == invoke("connect", "--api", api, "--apply").exit_code
        assert 0 == invoke("disconnect", "--apply").exit_code
        assert OWN_FORMAT == account.log_of(api)["format"]

    def test_one_of_them(self, account: Account) -> None:
        """Only the stages that are named are changed; one that is not there is an error."""
        wanted, other = account.api("orders"), account.api("users")
        assert 0 == invoke("connect", "--api", f"{wanted}/prod", "--apply").exit_code
        assert account.log_of(wanted)
        assert not account.log_of(other)
        with pytest.raises(CommandError, match="no API or stage nowhere"):
            invoke("connect", "--api", "nowhere")
        assert 2 == invoke("connect", "--apply").exit_code

    def test_full_group(self, account: Account) -> None:
        """A log group that has two filters already is named with them; the other stages are connected."""
        destination = account.group("busy")
        for name in ("first", "second"):
            account.logs.put_subscription_filter(
                logGroupName="busy",
                filterName=name,
                filterPattern="",
                destinationArn=account.cloud.stack.arn("CallStream"),
                roleArn=account.cloud.stack.arn("AccessLogSubscriptionRole"),
            )
        refused = account.api("busy", {"destinationArn": destination, "format": OWN_FORMAT})
        connected = account.api("users")
        shown = invoke("connect", "--all", "--apply", "--out", "found.json")
        assert 1 == shown.exit_code
        found = {one["api"]: one for one in json.loads(Path("found.json").read_text())}
        assert "2 subscription filters already: first, second" in found[refused]["refusal"]
        assert OWN_FORMAT == account.log_of(refused)["format"]
        assert account.log_of(connected)

    def test_changed_since(self, account: Account) -> None:
        """What somebody changed after connecting is not overwritten, unless that is wanted."""
        api = account.api("orders")
        invoke("connect", "--all", "--apply")
        operations = [{"op": "replace", "path": "/accessLogSettings/format", "value": "mine"}]
        account.rest.update_stage(restApiId=api, stageName="prod", patchOperations=operations)
        shown = invoke("disconnect", "--apply", "--out", "left.json")
        assert [{"stage": f"{api}/prod", "restored": False}] == json.loads(Path("left.json").read_text())
        assert (1, True) == (shown.exit_code, "was changed since" in shown.stdout)
        assert "mine" == account.log_of(api)["format"]
        assert 0 == invoke("disconnect", "--apply", "--force").exit_code
        assert not account.log_of(api)

    def test_record_of_another_stack(self, account: Account) -> None:
        """A record of another stack is not taken for this one's."""
        account.api("orders")
        Path("r.json").write_text('{"stack": "other"}')
        with pytest.raises(Misconfigured, match="the record of the stack other"):
            invoke("connect", "--all", "--apply", "--record", "r.json")


class TestManyStages:
    def test_requests(self, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
        """Connecting takes one request to read a stage and one to change it, however many there are, and what
        does not grow with them: 500 stages take what API Gateway's own pace makes of 1,000 requests.
        """
        group = account.group("orders")
        for number in range(12):
            log = {"destinationArn": group, "format": OWN_FORMAT} if number % 2 else None
            account.api(f"api {number}", log)
        sent: Counter[object] = Counter()
        send = URLLib3Session.send

        def counted(session: URLLib3Session, request: Any) -> Any:
            sent["/stages" in request.url or "others"] += 1
            return send(session, request)

        monkeypatch.setattr(URLLib3Session, "send", counted)
        for words, stages, others in (
            (("connect",), 12, 8),
            (("connect", "--all", "--apply"), 24, 10),
            (("disconnect", "--apply"), 24, 6),
        ):
            assert 0 == invoke(*words).exit_code
            assert (stages, True) == (sent.pop(True), sent.pop("others") <= others)


class TestPrint:
    @pytest.mark.parametrize(
        ("language", "words"),
        [
            ("sam", "AWS::Serverless::HttpApi"),
            ("cdk", "AccessLogFormat.custom("),
            ("terraform", "access_log_settings {"),
            ("openapi", "x-amazon-apigateway-authorizer"),
        ],
    )
    def test_snippet(self, account: Account, language: str, words: str) -> None:
        """What to write into a definition holds the stack's own values, and nothing is changed."""
        api = account.api("orders")
        shown = invoke("connect", "--print", language)
        assert 0 == shown.exit_code, shown.stderr
        assert words in shown.stdout
        wanted = "QuotaAuthorizerArn" if language == "openapi" else "AccessLogGroupName"
        assert account.cloud.stack.output(wanted) in shown.stdout
        assert not account.log_of(api)
