"""The Lambda function: what comes from outside is put together here, and only here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Final, cast

from adapters.settings.functions import FirehoseTransformSettings
from adapters.telemetry import Telemetry, telemetry
from firehose_transform.transform import Failure, TransformReport, TransformResponse, transform

_MOST_SHOWN: Final = 20

Handler = Callable[[Mapping[str, Any], Any], TransformResponse]


def handler(event: Mapping[str, Any], context: Any) -> TransformResponse:
    """Make rows of an event of Firehose.

    Raises:
        Misconfigured: no retry helps until a setting is changed.
    """
    return _deployed()(event, context)


def make_handler(settings: FirehoseTransformSettings, tools: Telemetry) -> Handler:
    """The function with its settings."""

    @tools.logger.inject_lambda_context
    def handle(event: Mapping[str, Any], _context: Any) -> TransformResponse:
        answer, report = transform(event, settings.rule, personal=settings.personal)
        _report(tools, report)
        return answer

    return cast("Handler", handle)


@cache
def _deployed() -> Handler:
    return make_handler(FirehoseTransformSettings.from_environment(), telemetry())


def _report(tools: Telemetry, report: TransformReport) -> None:
    tools.count(
        {
            "Records": report.records,
            "Rows": report.rows,
            "Malformed": report.malformed,
            "RowBytes": report.row_bytes,
            "Empty": report.empty,
            "Undecodable": len(report.undecodable),
            "TooLarge": len(report.too_large),
            "Scattered": len(report.scattered),
        }
    )
    failures = {
        "undecodable": report.undecodable,
        "too_large": report.too_large,
        "scattered": report.scattered,
    }
    if any(failures.values()):
        extra = {name: _reasons(found) for name, found in failures.items()}
        tools.logger.warning("records go under the error prefix", extra=extra)


def _reasons(failures: Sequence[Failure]) -> dict[str, str]:
    """The first failures, by the names of their records."""
    return {failure.record_id: failure.reason for failure in failures[:_MOST_SHOWN]}
