"""`usage-meter disconnect`: what is asked for. How it runs is in :mod:`cli.connect.session`."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.common.options import AsJson, OutFile, StackName
from cli.common.output import output
from cli.connect.connect import MeterFileOption, RecordFile

EXAMPLES = """Examples:

    usage-meter disconnect

    usage-meter disconnect --apply
"""


def command(  # noqa: PLR0913 - each is an option
    *,
    apply: Annotated[
        bool, typer.Option("--apply", help="Make the changes. Without it, they are only shown.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also restore stages that were changed since.")
    ] = False,
    meter: MeterFileOption = None,
    record: RecordFile = None,
    json: AsJson = False,
    out: OutFile = None,
    stack: StackName = "usage-meter",
) -> None:
    """Restore exactly the log settings that stages had before `usage-meter connect`, and remove its
    subscription filters.

    A stage that was changed since is reported and left as it is. Exits 1 if there is one.
    """
    # Slow to load, and not needed for --help.
    from cli.connect.meter import meter_of_file, meter_of_stack  # noqa: PLC0415
    from cli.connect.session import disconnect  # noqa: PLC0415

    found = meter_of_stack(stack) if meter is None else meter_of_file(meter, None)
    disconnect(found, record, output(json=json, out=out), applies=apply, forces=force)
