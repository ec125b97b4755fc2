"""What connecting a stage takes, and when it cannot be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.source.stages import ApiKind, ApiStage, LogSetting
from cli.connect.log_groups import AccessLogGroup
from cli.connect.plan import LogTarget, group_of, step
from local_cloud.template.document import Stack

STACK = Stack()
ARN = "arn:aws:logs:us-east-1:123456789012:log-group"
FORMATS = {
    ApiKind.REST: STACK.output("AccessLogFormat"),
    ApiKind.HTTP: STACK.output("AccessLogFormatHttpApi"),
}
TO = LogTarget("usage-meter", f"{ARN}:meter", FORMATS)
METER = AccessLogGroup("meter", "STANDARD", ("usage-meter",))
OWN = AccessLogGroup("/aws/apigateway/orders", "STANDARD", ())
SILENT = ApiStage(ApiKind.REST, "a1b2c3", "orders", "prod", None)
LOGGING = replace(
    SILENT, log=LogSetting(f"{ARN}:/aws/apigateway/orders", '{"ip":"$context.identity.sourceIp"}')
)


class TestConnected:
    def test_logs_nothing_yet(self) -> None:
        """It gets the meter's log group, which is subscribed already, and the meter's format."""
        found = step(SILENT, TO, METER, replaces=False)
        assert LogSetting(f"{ARN}:meter", FORMATS[ApiKind.REST]) == found.log
        assert found.subscribes is None

    def test_logs_already(self) -> None:
        """It keeps its log group, which is subscribed, and its fields."""
        found = step(LOGGING, TO, OWN, replaces=False)
        assert found.log
        assert LOGGING.log
        assert LOGGING.log.destination == found.log.destination
        assert '"ip":"$context.identity.sourceIp"' in found.log.format
        assert "/aws/apigateway/orders" == found.subscribes

    def test_nothing_to_do(self) -> None:
        """A stage that is connected is left alone."""
        connected = replace(SILENT, log=LogSetting(f"{ARN}:meter:*", FORMATS[ApiKind.REST]))
        assert not step(connected, TO, METER, replaces=False).does_something

    def test_unsubscribed(self) -> None:
        """A stage that logs all of it into a group that nobody reads needs a filter only."""
        logs_all = replace(LOGGING, log=LogSetting(f"{ARN}:{OWN.name}", FORMATS[ApiKind.REST]))
        found = step(logs_all, TO, OWN, replaces=False)
        assert (None, OWN.name) == (found.log, found.subscribes)


class TestRefused:
    @pytest.mark.parametrize(
        ("stage", "group", "words"),
        [
            (replace(SILENT, kind=ApiKind.WEBSOCKET), METER, "no format for WEBSOCKET"),
            (SILENT, None, "there is no log group meter"),
            (LOGGING, replace(OWN, filters=("a", "b")), "two subscription filters already: a, b"),
            (LOGGING, replace(OWN, log_class="INFREQUENT_ACCESS"), "allows no subscription filter"),
            (
                replace(
                    LOGGING,
                    log=LogSetting("arn:aws:firehose:us-east-1:1:deliverystream/amazon-apigateway-x", "{}"),
                ),
                None,
                "logs to Firehose",
            ),
            (
                replace(LOGGING, log=LogSetting(f"{ARN}:/aws/lambda/orders", "{}")),
                replace(OWN, name="/aws/lambda/orders"),
                "services of the meter may write",
            ),
            (
                replace(LOGGING, log=LogSetting(f"{ARN}:{OWN.name}", "$context.status")),
                OWN,
                "its format is not JSON",
            ),
            (
                replace(
                    LOGGING,
                    kind=ApiKind.HTTP,
                    log=LogSetting(f"{ARN}:{OWN.name}", '{"own":"' + "x" * 600 + '"}'),
                ),
                OWN,
                "1,024 are allowed",
            ),
        ],
    )
    def test_why(self, stage: ApiStage, group: AccessLogGroup | None, words: str) -> None:
        """What cannot work is said before anything is changed."""
        found = step(stage, TO, group, replaces=False)
        assert words in (found.refusal or "").replace(" 2 ", " two ")
        assert not found.does_something

    def test_replaced_if_wanted(self) -> None:
        """A format that is no JSON is replaced when somebody says so."""
        stage = replace(LOGGING, log=LogSetting(f"{ARN}:{OWN.name}", "$context.status"))
        found = step(stage, TO, OWN, replaces=True)
        assert found.log
        assert FORMATS[ApiKind.REST] == found.log.format


def test_group_of() -> None:
    """A log group's ARN is written with and without a star at its end."""
    assert ["g", "g", None] == [
        group_of(one) for one in (f"{ARN}:g", f"{ARN}:g:*", "arn:aws:firehose:r:1:deliverystream/g")
    ]
