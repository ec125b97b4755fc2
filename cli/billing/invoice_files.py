"""The files of invoices on a disk: documents, their printed form, and one table of all."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from cli.common.errors import PROBLEM, CommandError
from cli.common.output import write_bytes, write_json, write_text
from metering.calls.key_names import file_name
from metering.prices.documents import PAGE_NAME
from metering.prices.invoice import place_of
from metering.safe_path import path_within
from metering.visible_text import visible
from reconciliation.invoices.month_table import month_csv, month_table
from reconciliation.invoices.result import Invoiced, Issued

BROWSERS: Final = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
)
"""By any of them a page can be printed."""
PRINTED_NAME: Final = "invoice.pdf"
_SECONDS: Final = 120
_FLAGS: Final = (
    *("--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    *("--disable-background-networking", "--no-pdf-header-footer"),
)


def write_files(folder: Path, issued: Iterable[Issued]) -> None:
    """Write the files of invoices, a folder for each account.

    Raises:
        CommandError: they cannot be written.
    """
    try:
        for one in issued:
            place = folder_of(folder, one)
            place.mkdir(parents=True, exist_ok=True)
            for file, content in one.files().items():
                write_bytes(place / file, content)
    except OSError as error:
        raise CommandError(f"{error.filename or folder} cannot be written: {error.strerror}.") from error


def folder_of(folder: Path, one: Issued) -> Path:
    """Where the files of an invoice are.

    Raises:
        CommandError: its name leads out of the folder.
    """
    name = f"{one.invoice['period']['month']}/{file_name(place_of(one.invoice))}"
    place = path_within(folder, name)
    if place is None:
        raise CommandError(f"The name of invoice {visible(name)} cannot be the name of a folder.", PROBLEM)
    return place


def browser() -> str:
    """The browser of this machine that prints pages.

    Raises:
        CommandError: there is none.
    """
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise CommandError(
            f"There is no browser to print the PDF: install one of {', '.join(BROWSERS[:3])}, or print "
            "invoice.html "
            "yourself."
        )
    return found


def print_pages(program: str, folders: Iterable[Path]) -> int:
    """Print the page in each folder that has one, as it is printed by hand; how many.

    Raises:
        CommandError: one cannot be printed.
    """
    printed = 0
    with tempfile.TemporaryDirectory(prefix="usage-meter-print-", ignore_cleanup_errors=True) as profile:
        for page in (folder / PAGE_NAME for folder in folders):
            if page.is_file():
                _print(program, page.resolve(), Path(profile))
                printed += 1
    return printed


def _print(program: str, page: Path, profile: Path) -> None:
    target = page.with_name(PRINTED_NAME)
    # Chromium has no sandbox for root. The page runs no script and loads nothing: its policy forbids it.
    as_root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    command = [
        program,
        *_FLAGS,
        *as_root,
        f"--user-data-dir={profile}",
        f"--print-to-pdf={target}",
        page.as_uri(),
    ]
    try:
        done = subprocess.run(  # noqa: S603 - a browser of this machine, and a file of this command
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CommandError(f"{page} cannot be printed by {program}: {error}.", PROBLEM) from error
    if done.returncode or not target.is_file():
        last = (done.stderr.strip().splitlines() or ["it wrote nothing"])[-1]
        raise CommandError(f"{page} cannot be printed by {program}: {visible(last)}.", PROBLEM)


def write_table(path: Path | None, invoiced: Invoiced) -> None:
    """Write the table of the month, if one is wanted: as CSV where the file is named .csv, else as JSON."""
    if path is not None and path.suffix.lower() == ".csv":
        write_text(path, month_csv(invoiced.month, invoiced.invoices))
    elif path is not None:
        write_json(path, month_table(invoiced.month, invoiced.invoices, invoiced.draft))
