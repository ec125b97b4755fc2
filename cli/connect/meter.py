"""The meter that stages are connected to: the stack of this account, or that of another by a file.

Another account cannot read the stack. What it needs to know is in a file that `usage-meter connect
--write-meter` makes: the destination in place of the stream, and the formats. Nothing in it is secret.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, NamedTuple

import boto3
import msgspec
from botocore.config import Config

from adapters.deployment import Deployment
from adapters.errors import translated
from adapters.source.stages import ApiKind, StageSettings
from cli.common.bootstrap import session, target
from cli.common.output import write_bytes
from cli.connect.log_groups import AccessLogGroups, SubscriptionSetting
from cli.connect.plan import LogTarget
from metering.errors import Misconfigured

FORMATS: Final = {
    ApiKind.REST: "AccessLogFormat",
    ApiKind.HTTP: "AccessLogFormatHttpApi",
    ApiKind.WEBSOCKET: "AccessLogFormatWebSocketApi",
}
"""The stack's output with the format of each kind of API."""

NONE: Final = "-"
"""An output of a part that the stack does not have."""

_PATIENT: Final = Config(retries={"mode": "adaptive", "max_attempts": 10})
"""API Gateway takes few changes of stages a second."""


class ConnectedMeter(NamedTuple):
    """A meter, and the account whose stages are connected to it."""

    stack: str
    to: LogTarget
    subscription: SubscriptionSetting
    session: boto3.session.Session
    """Of the account of the stages."""
    own_api: str | None = None
    """The meter's own API of look-ups, which is never metered."""

    def services(self) -> tuple[StageSettings, AccessLogGroups]:
        """The stages and log groups of the account."""
        rest, v2, logs = (self._client(name) for name in ("apigateway", "apigatewayv2", "logs"))
        return StageSettings(rest, v2), AccessLogGroups(logs)

    def _client(self, service: str) -> Any:
        return self.session.client(service, config=_PATIENT)  # type: ignore[call-overload]  # no literal


class MeterFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What another account knows of a meter."""

    stack: str
    destination: str
    """The ARN of the destination that its log groups name."""
    accounts: list[str]
    """From which it takes calls."""
    formats: dict[ApiKind, str]

    @property
    def region(self) -> str:
        """A log group and its destination are in one region."""
        return self.destination.split(":")[3]


def meter_of_stack(stack: str) -> ConnectedMeter:
    """The meter that is deployed in this account.

    Raises:
        MeterError: the stack cannot be read, or lacks an output.
    """
    found = target(stack)
    deployment = found.deployment
    setting = subscription(deployment, stack)
    return ConnectedMeter(
        stack, log_target(deployment, stack), setting, found.session, deployment.outputs.get("LookUpApiId")
    )


def meter_of_file(path: Path, group: str | None) -> ConnectedMeter:
    """The meter of another account. `group` is the log group, of this account, for stages that log nothing
    yet; None: they are left alone.

    Raises:
        Misconfigured: the file holds no meter, or one of another region, or one that takes nothing of this
            account.
        MeterError: whose credentials these are cannot be found out.
    """
    try:
        meter = msgspec.json.decode(path.read_bytes(), type=MeterFile)
    except msgspec.DecodeError as error:
        raise Misconfigured(
            [f"{path} is not a file of `usage-meter connect --write-meter`: {error}"]
        ) from error
    here = session()
    if here.region_name != meter.region:
        raise Misconfigured(
            [f"the meter of {path} is in {meter.region}, and takes nothing from {here.region_name}"]
        )
    with translated("GetCallerIdentity"):
        identity = here.client("sts").get_caller_identity()
    account, partition = identity["Account"], identity["Arn"].split(":")[1]
    if account not in meter.accounts:
        raise Misconfigured(
            [
                f"the meter takes no calls of the account {account}, but of {', '.join(meter.accounts)}",
                f"add {account} to the stack's parameter SourceAccounts, deploy, and write the file again",
            ]
        )
    arn = f"arn:{partition}:logs:{meter.region}:{account}:log-group:{group}" if group else ""
    to = LogTarget(meter.stack, arn, meter.formats)
    return ConnectedMeter(meter.stack, to, SubscriptionSetting(meter.stack, meter.destination, None), here)


def write_meter(stack: str, path: Path) -> MeterFile:
    """Write what other accounts need to know of the stack.

    Raises:
        Misconfigured: the stack takes calls of no other account.
        MeterError: the stack cannot be read.
    """
    deployment = target(stack).deployment
    destination, accounts = (
        deployment.outputs.get(name, NONE) for name in ("CallDestinationArn", "SourceAccounts")
    )
    if NONE in (destination, accounts):
        raise Misconfigured(
            [
                f"the stack {stack} takes calls of no other account",
                "set its parameter SourceAccounts, and deploy",
            ]
        )
    meter = MeterFile(stack, destination, accounts.split(","), dict(_formats(deployment)))
    write_bytes(path, msgspec.json.format(msgspec.json.encode(meter)) + b"\n")
    return meter


def log_target(deployment: Deployment, stack: str) -> LogTarget:
    """Where stages are to log, by the stack's outputs.

    Raises:
        Misconfigured: the stack lacks an output.
    """
    group, stream = deployment.values("AccessLogGroupName", "CallStreamArn")
    _, partition, _, region, account, _ = stream.split(":", 5)
    return LogTarget(
        stack, f"arn:{partition}:logs:{region}:{account}:log-group:{group}", _formats(deployment)
    )


def subscription(deployment: Deployment, stack: str) -> SubscriptionSetting:
    """How log groups are subscribed, by the stack's outputs.

    Raises:
        Misconfigured: the stack lacks an output.
    """
    stream, role = deployment.values("CallStreamArn", "SubscriptionRoleArn")
    return SubscriptionSetting(stack, stream, role)


def _formats(deployment: Deployment) -> dict[ApiKind, str]:
    return {kind: deployment.outputs[name] for kind, name in FORMATS.items() if name in deployment.outputs}
