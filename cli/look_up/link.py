"""`usage-meter link`: what is asked for. How it runs is in :mod:`cli.look_up.link_session`."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.common.numbers import count
from cli.common.options import AsJson, OutFile, StackName
from cli.common.output import output
from cli.look_up.usage_options import LinkedKey

EXAMPLES = """Examples:

    usage-meter link a1b2c3d4e5

    usage-meter link a1b2c3d4e5 --minutes 60 --json

    usage-meter link --end-all
"""


def _page(text: str) -> str:
    if not text.startswith(("https://", "http://")) or any(sign in text for sign in "?# "):
        raise typer.BadParameter(f"{text!r} is not an address such as https://usage.example/")
    return text if text.endswith("/") else f"{text}/"


def command(  # noqa: PLR0913 - each is an option
    *,
    key: LinkedKey = None,
    minutes: Annotated[
        int,
        typer.Option(
            "--minutes",
            metavar="N",
            parser=count(1, 60),
            help="The link ends after this time; at most 60.",
            show_default=True,
        ),
    ] = 15,
    end_all: Annotated[
        bool, typer.Option("--end-all", help="End all links that were made, at once; then make this one.")
    ] = False,
    page: Annotated[
        str | None,
        typer.Option(
            "--page",
            metavar="ADDRESS",
            parser=_page,
            help="Where the page is, if not at the stack's own address: a domain's, or the local cloud's.",
        ),
    ] = None,
    json: AsJson = False,
    out: OutFile = None,
    stack: StackName = "usage-meter",
) -> None:
    """Make a link that shows the usage of one key for a short time to somebody without that key.

    Whoever has the link sees what the customer sees, and nothing else, until it ends. It can be the address
    of a frame in your own portal: make one whenever a customer who has signed in there opens that page.

    Links are signed with a random key in the counters table, which the first link makes. It is read and
    written with your own AWS credentials, which need dynamodb:BatchGetItem and dynamodb:PutItem on that
    table, and cloudformation:DescribeStacks.
    """
    if key is None and not end_all:
        raise typer.BadParameter("name a key", param_hint="KEY")
    from cli.look_up.link_session import LinkOptions, run  # noqa: PLC0415 - slow to load, and not needed for --help

    run(LinkOptions(stack, key, minutes, page, ends_all=end_all), output(json=json, out=out))
