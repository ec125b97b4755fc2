"""The way from a command to a deployed stack: one session, one stack, its services."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3

from adapters.deployment import Deployment
from adapters.dynamodb.key_audit import KeyReader
from adapters.settings.process import aws_region
from cli.common.role_session import assumed
from metering.outcome import OUTCOME_OF_KEY
from metering.visible_text import visible

if TYPE_CHECKING:
    from types_boto3_sts import STSClient


@dataclass(frozen=True, slots=True)
class Target:
    """A deployed stack, and a way to its services."""

    deployment: Deployment
    session: boto3.session.Session
    _clients: dict[tuple[object, ...], Any] = field(default_factory=dict, repr=False, compare=False)

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client of a service, the same whenever it is wanted with the same options: making one takes
        as long as several requests, and each has connections of its own.
        """
        wanted = (service, *sorted(options.items()))
        if wanted not in self._clients:
            made = self.session.client(service, **options)  # type: ignore[call-overload]  # the name is no literal
            self._clients[wanted] = made
        return self._clients[wanted]

    @property
    def caller(self) -> str:
        """Whoever has the credentials, by their name in IAM: audits and sealings hold it."""
        sts: STSClient = self.client("sts")
        return sts.get_caller_identity()["Arn"]


def session(region: str | None = None) -> boto3.session.Session:
    """A session by the usual AWS settings. AWS_REGION names the region as it does for every other SDK and the
    AWS CLI; boto3 by itself reads AWS_DEFAULT_REGION and the profile alone.
    """
    return boto3.session.Session(region_name=region or aws_region())


def target(stack: str, region: str | None = None, role: str | None = None) -> Target:
    """The stack of that name, in another region or by the role of another account where they are given.

    Raises:
        Misconfigured, Transient: there is no such stack in the account and region, or AWS does not answer.
    """
    found = session(region) if role is None else assumed(role, region or aws_region())
    return Target(Deployment.of_stack(found.client("cloudformation"), stack), found)


def unknown_note(where: Target, key: str) -> str:
    """What to say of a key that the meter has never seen, of which no call was counted and which has no plan;
    nothing of one that it knows.

    Raises:
        Misconfigured, Transient: the counters table cannot be found or read.
    """
    (table,) = where.deployment.values("CountersTableName")
    if key in OUTCOME_OF_KEY or KeyReader(where.client("dynamodb"), table).is_known(key):
        return ""
    return (
        f"The key {visible(key)!r} is not known: no call of it was counted, and it has no plan. Check the "
        "id, which is not the key itself: `usage-meter top` lists the keys of a month."
    )
