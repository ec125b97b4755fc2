"""The files of invoices on a disk: documents, their printed form, and one table of all."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cli.common.errors import PROBLEM, CommandError
from cli.common.output import write_json
from metering.calls.key_names import file_name
from metering.prices.documents import PAGE_NAME
from metering.prices.invoice import place_of
from metering.safe_path import path_within
from metering.visible_text import visible
from reconciliation.invoices.month_table import month_csv, month_rows, month_table
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


def write_files(folder: Path, issued: Sequence[Issued]) -> list[Path]:
    """Write the files of invoices, a folder for each account; these folders.

    Raises:
        CommandError: they cannot be written.
    """
    folders = []
    try:
        for one in issued:
            name = f"{one.invoice['period']['month']}/{file_name(place_of(one.invoice))}"
            place = path_within(folder, name)
            if place is None:
                raise CommandError(
                    f"The name of invoice {visible(name)} cannot be the name of a folder.", PROBLEM
                )
            place.mkdir(parents=True, exist_ok=True)
            for file, content in one.files().items():
                (place / file).write_bytes(content)
            folders.append(place)
    except OSError as error:
        raise CommandError(f"{error.filename or folder} cannot be written: {error.strerror}.") from error
    return folders


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


def print_pages(program: str, folders: Sequence[Path]) -> int:
    """Print the page in each folder that has one, as it is printed by hand; how many.

    Raises:
        CommandError: one cannot be printed.
    """
    pages = [folder / PAGE_NAME for folder in folders if (folder / PAGE_NAME).is_file()]
    with tempfile.TemporaryDirectory(prefix="usage-meter-print-", ignore_cleanup_errors=True) as profile:
        for page in pages:
            _print(program, page.resolve(), Path(profile))
    return len(pages)


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
    if path is None:
        return
    rows = month_rows(invoiced.invoices)
    if path.suffix.lower() == ".csv":
        path.write_bytes(month_csv(invoiced.month, rows))
    else:
        write_json(path, month_table(invoiced.month, rows, invoiced.draft))
