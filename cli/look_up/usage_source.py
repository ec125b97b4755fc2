"""The look-ups of a deployment, asked from this machine: what the look-up API answers, without the API."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from adapters.deployment import Deployment
from adapters.settings.functions import UsageApiSettings
from cli.common.bootstrap import target
from usage_api.handler import Clocks, make_look_ups
from usage_api.queries import UsageQueries

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_s3 import S3Client

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The time that look-ups go by."""
    return datetime.now(UTC)


def look_ups_of_stack(stack: str) -> UsageQueries:
    """The look-ups of a stack, found by the usual AWS settings.

    Raises:
        Misconfigured, Transient: there is no such stack, or AWS does not answer.
    """
    where = target(stack)
    settings = settings_of(where.deployment)
    return look_ups_on(settings, where.client("dynamodb"), lambda: where.client("s3"))


def settings_of(deployment: Deployment) -> UsageApiSettings:
    """What the template sets for the look-ups of a deployment.

    Raises:
        Misconfigured: an output is missing.
    """
    table_name, lake_bucket = deployment.values("CountersTableName", "LakeBucketName")
    default_plan = deployment.parameters.get("QuotaDefaultPlan") or None
    return UsageApiSettings(
        table_name,
        default_plan,
        lake_bucket=lake_bucket,
        page_name=deployment.parameters.get("PageName", ""),
        page_colour=deployment.parameters.get("PageColour", ""),
        page_logo=deployment.parameters.get("PageLogo", ""),
    )


def look_ups_on(
    settings: UsageApiSettings, dynamodb: DynamoDBClient, s3: Callable[[], S3Client] | None = None
) -> UsageQueries:
    """The look-ups on a table, by this module's clock. `dynamodb` is a boto3 client, `s3` makes one for what
    lies in the lake's bucket; None: that is not read.
    """
    return make_look_ups(settings, dynamodb, Clocks(utc_now), s3)
