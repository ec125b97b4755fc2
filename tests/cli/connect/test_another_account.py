"""Stages of another account: `usage-meter connect --write-meter` here, `--meter` there, on moto.

moto subscribes a log group to a destination of another account where that account has a log group of the
destination's name, and sends to that group: it knows no others. Whether CloudWatch Logs hands the events to
the stream only an account shows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from local_cloud.endpoint.server import LocalEndpoint
from local_cloud.stack import LocalCloud
from metering.errors import Misconfigured
from tests.cli.look_up.looked_up import invoke

OWN_FORMAT = '{"ip":"$context.identity.sourceIp","status":$context.status}'
GROUP = "api-access"


class OtherAccount:
    """An account that has a REST API which logs, one that does not, and no stack."""

    def __init__(self, endpoint: LocalEndpoint) -> None:
        self.account_id, self.environment = endpoint.account_id, endpoint.environment
        self.rest, self.logs = endpoint.client("apigateway"), endpoint.client("logs")
        for name in ("orders", GROUP):
            self.logs.create_log_group(logGroupName=name)
        self.logging, self.silent = self._api("orders"), self._api("users")
        arn = f"arn:aws:logs:us-east-1:{self.account_id}:log-group:orders"
        self.rest.update_stage(
            restApiId=self.logging,
            stageName="prod",
            patchOperations=[
                {"op": "replace", "path": f"/accessLogSettings/{name}", "value": value}
                for name, value in {"destinationArn": arn, "format": OWN_FORMAT}.items()
            ],
        )

    def _api(self, name: str) -> str:
        api: str = self.rest.create_rest_api(name=name)["id"]
        (root,) = self.rest.get_resources(restApiId=api)["items"]
        self.rest.put_method(restApiId=api, resourceId=root["id"], httpMethod="GET", authorizationType="NONE")
        self.rest.put_integration(restApiId=api, resourceId=root["id"], httpMethod="GET", type="MOCK")
        self.rest.create_deployment(restApiId=api, stageName="prod")
        return api

    def logged(self) -> list[Any]:
        """What both stages log."""
        return [
            self.rest.get_stage(restApiId=api, stageName="prod").get("accessLogSettings")
            for api in (self.logging, self.silent)
        ]

    def filters(self) -> dict[str, list[Any]]:
        """The filters of both log groups."""
        return {
            name: self.logs.describe_subscription_filters(logGroupName=name)["subscriptionFilters"]
            for name in ("orders", GROUP)
        }


@pytest.fixture(scope="module")
def other() -> Iterator[OtherAccount]:
    """An account without a meter. Each test leaves it as it was."""
    with LocalEndpoint() as endpoint:
        yield OtherAccount(endpoint)


@pytest.fixture(scope="module")
def cloud(other: OtherAccount) -> Iterator[LocalCloud]:
    """The meter's account."""
    with LocalCloud({"SourceAccounts": other.account_id}) as running:
        running.publish()
        running.client("logs").create_log_group(logGroupName="usage-meter")  # moto's destination
        yield running


@pytest.fixture
def meter(
    cloud: LocalCloud,
    monkeypatch: pytest.MonkeyPatch,
    own_environment: None,  # noqa: ARG001 - it comes first
    tmp_path: Path,
) -> Path:
    """The file that the meter's account has written; the credentials are that account's."""
    monkeypatch.chdir(tmp_path)
    sign_in(cloud.endpoint.environment, monkeypatch)
    written = invoke("connect", "--write-meter", "meter.json")
    assert 0 == written.exit_code, written.stderr
    assert "usage-meter connect --meter meter.json" in written.stdout
    return tmp_path / "meter.json"


@pytest.fixture
def there(meter: Path, other: OtherAccount, monkeypatch: pytest.MonkeyPatch) -> OtherAccount:  # noqa: ARG001
    """From now on the credentials are the other account's."""
    sign_in(other.environment, monkeypatch)
    return other


def sign_in(environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the credentials of an account."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


class TestFile:
    def test_content(self, meter: Path, cloud: LocalCloud, other: OtherAccount) -> None:
        """It holds the destination, who may use it and the formats, and nothing else."""
        found = json.loads(meter.read_text(encoding="utf-8"))
        assert {"stack", "destination", "accounts", "formats"} == set(found)
        assert (cloud.stack.arn("CallDestination"), [other.account_id]) == (
            found["destination"],
            found["accounts"],
        )
        assert cloud.stack.output("AccessLogFormat") == found["formats"]["REST"]

    def test_no_destination(self, monkeypatch: pytest.MonkeyPatch, own_environment: None) -> None:  # noqa: ARG002
        """A stack that takes calls of no other account says how it would."""
        with LocalCloud() as alone:
            alone.publish()
            sign_in(alone.endpoint.environment, monkeypatch)
            with pytest.raises(Misconfigured, match="set its parameter SourceAccounts"):
                invoke("connect", "--write-meter", "meter.json")


class TestConnect:
    def test_dry_run(self, there: OtherAccount) -> None:
        """It shows what would change, and changes nothing; a stage that logs nothing needs a log group."""
        before = there.logged(), there.filters()
        shown = invoke("connect", "--meter", "meter.json")
        assert (1, True) == (shown.exit_code, "name a log group of this account" in shown.stdout)
        assert f"{there.logging}/prod  REST  orders: will be connected" in shown.stdout
        assert before == (there.logged(), there.filters())

    def test_and_back(self, there: OtherAccount) -> None:
        """Its stages log what the meter reads, its log groups name the destination and no role; what was
        there before is restored exactly.
        """
        before = there.logged(), there.filters()
        wanted = ("--meter", "meter.json", "--log-group", GROUP, "--all", "--apply")
        assert 0 == invoke("connect", *wanted).exit_code
        orders, users = there.logged()
        assert {"$context.identity.sourceIp", "$context.extendedRequestId"} <= set(
            json.loads(orders["format"]).values()
        )
        assert users["destinationArn"].endswith(f":{there.account_id}:log-group:{GROUP}")
        for (found,) in there.filters().values():
            assert ("usage-meter", True) == (
                found["filterName"],
                found["destinationArn"].endswith(":destination:usage-meter"),
            )
            assert not found.get("roleArn")
        assert "is connected" in invoke("connect", *wanted[:-1]).stdout
        assert "Nothing was changed" in invoke("disconnect", "--meter", "meter.json").stdout
        assert 0 == invoke("disconnect", "--meter", "meter.json", "--apply").exit_code
        assert before == (there.logged(), there.filters())

    def test_not_allowed(self, meter: Path, cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> None:
        """An account that the destination does not name hears of it before anything is changed, as does
        another region; so it is with a file that is no meter's.
        """
        with pytest.raises(
            Misconfigured, match=f"no calls of the account {cloud.endpoint.account_id}, but of"
        ):
            invoke("connect", "--meter", str(meter))
        monkeypatch.setenv("AWS_REGION", "eu-west-1")
        with pytest.raises(Misconfigured, match="is in us-east-1, and takes nothing from eu-west-1"):
            invoke("connect", "--meter", "meter.json")
        Path("meter.json").write_text('{"stack": "usage-meter"}')
        with pytest.raises(Misconfigured, match="is not a file of"):
            invoke("connect", "--meter", "meter.json")

    @pytest.mark.parametrize(
        "words",
        [("--log-group", "x"), ("--meter", "meter.json", "--print", "sam"), ("--meter", "nowhere.json")],
    )
    def test_usage(self, meter: Path, words: tuple[str, ...]) -> None:  # noqa: ARG002
        """Options that say nothing together are refused."""
        assert 2 == invoke("connect", *words).exit_code
