"""`usage-meter estimate`: what the meter needs and costs, beside API Gateway's own bill."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.common.numbers import count, whole_number
from cli.common.options import AsJson, OutFile
from cli.common.output import output

EXAMPLES = """Examples:

    usage-meter estimate --calls-per-month 10M --keys 50

    usage-meter estimate --calls-per-month 2628000000 --keys 1000 --window 10 --out estimate.json

    usage-meter estimate --calls-per-month 260000000000 --keys 20000 --meters 8
"""


def command(  # noqa: PLR0913 - each is an option
    *,
    calls_per_month: Annotated[
        int,
        typer.Option(metavar="N", parser=whole_number, help="Calls in a month: 10000000, 10,000,000 or 10M."),
    ],
    keys: Annotated[int, typer.Option(metavar="K", parser=whole_number, help="API keys that make them.")],
    window: Annotated[
        int, typer.Option(metavar="S", parser=count(1, 120), help="BatchingWindowSeconds.", show_default=True)
    ] = 5,
    line_bytes: Annotated[
        int,
        typer.Option(
            metavar="B", parser=whole_number, help="Bytes of an access-log line.", show_default=True
        ),
    ] = 600,
    peak: Annotated[
        float,
        typer.Option(metavar="X", min=1, help="The busiest hour's rate over the mean.", show_default=True),
    ] = 3.0,
    tail: Annotated[
        float,
        typer.Option(
            metavar="A", min=0, help="The key of rank r makes 1/r^A of the calls.", show_default=True
        ),
    ] = 1.1,
    calls_per_delivery: Annotated[
        float | None,
        typer.Option(metavar="E", min=1, help="Lines that CloudWatch Logs puts into one record, on average."),
    ] = None,
    meters: Annotated[
        int,
        typer.Option(
            metavar="M",
            parser=whole_number,
            help="The number of meters, each with a part of the log groups.",
            show_default=True,
        ),
    ] = 1,
    on_demand: Annotated[
        bool, typer.Option("--on-demand", help="Use an on-demand stream instead of provisioned shards.")
    ] = False,
    retention_hours: Annotated[
        int,
        typer.Option(metavar="H", parser=count(24, 8760), help="StreamRetentionHours.", show_default=True),
    ] = 24,
    full_monitoring: Annotated[
        bool, typer.Option("--full-monitoring", help="Monitoring=full: all alarms and metrics, a dashboard.")
    ] = False,
    tracing: Annotated[bool, typer.Option("--tracing", help="Tracing=Active.")] = False,
    encrypt_topics: Annotated[
        bool, typer.Option("--encrypt-topics", help="EncryptTopics=yes: a KMS key for the topics.")
    ] = False,
    shards: Annotated[
        int | None, typer.Option(metavar="H", parser=whole_number, help="Shards of each meter.")
    ] = None,
    lanes: Annotated[
        int | None, typer.Option(metavar="L", parser=count(1, 1024), help="LedgerLanes.")
    ] = None,
    write_concurrency: Annotated[
        int, typer.Option(metavar="C", parser=count(1, 64), help="WriteConcurrency.", show_default=True)
    ] = 8,
    months_kept: Annotated[
        int,
        typer.Option(
            metavar="T", parser=whole_number, help="Months of data already stored.", show_default=True
        ),
    ] = 12,
    price_list: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", exists=True, dir_okay=False, help="Use another price list, as YAML or JSON."
        ),
    ] = None,
    json: AsJson = False,
    out: OutFile = None,
) -> None:
    """Estimate what the meter needs and costs, from one million calls a month to one million a second.

    Shards, concurrency, write units and headroom are for the busiest hour. Costs are for the month, at the
    list prices of the region and date shown, without free tiers and discounts.
    """
    from cli.cost.estimate_session import run  # noqa: PLC0415 - slow to load, and not needed for --help
    from metering.cost.workload import Workload  # noqa: PLC0415

    workload = Workload(
        calls_per_month,
        keys,
        window_seconds=window,
        line_bytes=line_bytes,
        peak=peak,
        tail=tail,
        calls_per_delivery=calls_per_delivery,
        shards=shards,
        is_on_demand=on_demand,
        retention_hours=retention_hours,
        monitors_fully=full_monitoring,
        is_traced=tracing,
        encrypts_topics=encrypt_topics,
        lanes=lanes,
        write_concurrency=write_concurrency,
        months_kept=months_kept,
    )
    run(workload, meters, price_list, output(json=json, out=out))
