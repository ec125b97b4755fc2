"""The look-up API of a local cloud: the shipped function on its tables, behind HTTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from adapters.dynamodb.table import quick_client
from adapters.settings.functions import UsageApiSettings
from local_cloud.api_gateway.http_front import Access, LookUpFront
from local_cloud.lambda_.function import LambdaFunction
from local_cloud.stack import LocalCloud
from local_cloud.telemetry import quiet_telemetry
from usage_api.handler import Clocks, make_handler

FUNCTION: Final = "UsageApiFunction"


class LookUpServer(LookUpFront):
    """Serves the look-ups of a cloud on 127.0.0.1."""

    def __init__(
        self,
        cloud: LocalCloud,
        port: int = 0,
        *,
        clock: Callable[[], datetime] | None = None,
        access: Access | None = None,
    ) -> None:
        """`clock` is that of the cloud's log unless given.

        Raises:
            OSError: the port is taken, or may not be used.
        """
        super().__init__(_function(cloud, clock or cloud.clock.now), cloud.stack, port, access=access)


def _function(cloud: LocalCloud, clock: Callable[[], datetime]) -> LambdaFunction:
    settings = UsageApiSettings.from_environment(cloud.environment(FUNCTION))
    dynamodb = quick_client(**cloud.endpoint.access("dynamodb"))
    handler = make_handler(
        settings, dynamodb, quiet_telemetry("usage_api"), Clocks(clock), lambda: cloud.client("s3")
    )
    return cloud.function(FUNCTION, handler)
