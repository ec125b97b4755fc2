"""One run of `usage-meter link`."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

import typer

from adapters.dynamodb.link_key import LinkKey, LinkKeyBook
from cli.common.bootstrap import Target, target, unknown_note
from cli.common.errors import PROBLEM, CommandError
from cli.common.output import Output
from cli.common.terminal import console
from cli.look_up import usage_source
from metering.visible_text import visible
from usage_api.links import token_of

_NOT_MADE = "-"
"""The output of a stack without look-ups."""


class LinkOptions(NamedTuple):
    """What the user asked for."""

    stack: str
    key: str | None
    """None: no link is made."""
    minutes: int
    page: str | None
    """The page's address; None: that of the stack."""
    ends_all: bool


def run(options: LinkOptions, out: Output) -> None:
    """End links, make one, or both.

    Raises:
        CommandError: the stack has no page.
        MeterError, ClientError, BotoCoreError: the stack or its table cannot be reached.
    """
    where = target(options.stack)
    page = "" if options.key is None else options.page or _page_of(where)
    (table,) = where.deployment.values("CountersTableName")
    book = LinkKeyBook(where.client("dynamodb"), table)
    if options.ends_all:
        book.exchange()
        console(on_standard_error=True).print("All links that were made until now have ended.")
    if options.key is None:
        out.write({"key": None, "address": None, "expires_at": None})
    else:
        _make(where, options, page, book.current_or_new(), out)


def _make(where: Target, options: LinkOptions, page: str, signing: LinkKey, out: Output) -> None:
    key, now = str(options.key), usage_source.utc_now().replace(microsecond=0)
    ends_at = now + timedelta(minutes=options.minutes)
    address = f"{page}#/link/{token_of(key, signing, now, options.minutes)}"
    out.write({"key": key, "address": address, "expires_at": ends_at.strftime("%Y-%m-%dT%H:%M:%SZ")})
    if not out.places:
        typer.echo(address)
    notes = console(on_standard_error=True)
    text = f"Whoever has this link sees the usage of {visible(key)} until {ends_at:%Y-%m-%d %H:%M:%S} UTC."
    notes.print(text, markup=False)
    if not where.deployment.parameters.get("FrameAncestors"):
        notes.print("No other site may show it in a frame: FrameAncestors names no origin.", markup=False)
    if note := unknown_note(where, key):
        notes.print(note, markup=False)


def _page_of(where: Target) -> str:
    (page,) = where.deployment.values("LookUpApiUrl")
    if page == _NOT_MADE:
        raise CommandError(
            "The stack has no page to link to: deploy it with LookUps=yes, or name the page by --page.",
            PROBLEM,
        )
    return page
