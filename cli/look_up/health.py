"""`usage-meter health`: what is asked for. How it runs is in :mod:`cli.look_up.health_session`."""

from __future__ import annotations

from cli.common.options import AsJson, OutFile, StackName
from cli.look_up.usage_options import Watch

EXAMPLES = """Examples:

    usage-meter health

    usage-meter health --watch

    usage-meter health --json
"""


def command(
    *, watch: Watch = False, json: AsJson = False, out: OutFile = None, stack: StackName = "usage-meter"
) -> None:
    """Show whether the meter counts, how far each shard is counted, and what to do about problems.

    Against AWS by the usual settings (AWS_PROFILE, AWS_REGION), or against the local cloud by those that
    `usage-meter local` prints. Exits 1 unless the counters are known to be complete up to at least 3 minutes
    ago.
    """
    from cli.look_up.health_session import run  # noqa: PLC0415 - slow to load, and not needed for --help
    from cli.look_up.usage_output import how  # noqa: PLC0415 - as above

    run(stack, how(json=json, watch=watch, out=out))
