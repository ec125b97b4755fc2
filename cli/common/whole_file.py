"""Results that are written as a whole: if making one fails midway, what was there before stays.

A file is written beside the one that it is to replace, and then takes its name. What cannot be replaced (a
pipe, a device, a file with a second name, another owner's, or in a folder where no file can be made) gets a
result only when all of it is made; until then it is kept in a temporary file.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EACCES
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Final
from uuid import uuid4

UNFINISHED: Final = ".usage-meter-unfinished-"
"""How the name of a file begins that is not written to its end."""
_IN_MEMORY: Final = 1 << 20
"""Of a result, in bytes, before a temporary file is made for it."""


def check_writable(place: Path) -> None:
    """A file that is not there is not made, and a pipe is not opened: its reader would take that for the end.

    Raises:
        OSError: nothing could be written to this place.
    """
    if not place.exists():
        target = _linked_to(place)
        with target.open("xb"):
            target.unlink()
    elif place.is_file() or place.is_dir():
        with place.open("ab"):
            pass
    elif not os.access(place, os.W_OK):
        raise PermissionError(EACCES, os.strerror(EACCES), str(place))


@contextmanager
def whole_file(place: Path) -> Iterator[IO[bytes]]:
    """A file for a result, which is at `place` when the block ends. If the block fails, nothing is.

    Raises:
        OSError: it cannot be written.
    """
    target = _linked_to(place)
    unfinished = target.with_name(f"{UNFINISHED}{uuid4().hex}")
    try:
        with _opened(unfinished, place) as file:
            yield file
            file.flush()
            if not _takes_the_place(unfinished, target):
                file.seek(0)
                with place.open("wb") as existing:
                    shutil.copyfileobj(file, existing)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def whole_output() -> Iterator[IO[bytes]]:
    """A file for a result, which is on standard output when the block ends; nothing, if the block fails."""
    with SpooledTemporaryFile(_IN_MEMORY) as file:
        yield file
        file.seek(0)
        sys.stdout.flush()
        shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.buffer.flush()


def is_special(place: Path) -> bool:
    """Whether it is a pipe, a device or what standard output or standard error is written to."""
    return place.exists() and (not place.is_file() or _is_output(place.stat()))


def _linked_to(place: Path) -> Path:
    """Where a link leads; the place itself, if it is none or leads nowhere."""
    return Path(os.path.realpath(place))


def _opened(unfinished: Path, place: Path) -> IO[bytes]:
    """The file beside; one without a name, where it could not take the place."""
    if _can_be_replaced(place):
        with suppress(OSError):
            return unfinished.open("x+b")
    return SpooledTemporaryFile(_IN_MEMORY)


def _can_be_replaced(place: Path) -> bool:
    if not place.exists():
        return True
    return not is_special(place) and place.stat().st_nlink == 1 and os.access(place, os.W_OK)


def _takes_the_place(unfinished: Path, target: Path) -> bool:
    """Give a file the name of another, and its mode; whether that could be done."""
    try:
        if target.exists():
            before, now = target.stat(), unfinished.stat()
            if (before.st_uid, before.st_gid) != (now.st_uid, now.st_gid):
                return False
            unfinished.chmod(stat.S_IMODE(before.st_mode))
        unfinished.replace(target)
    except OSError:
        return False
    return True


def _is_output(found: os.stat_result) -> bool:
    for descriptor in (1, 2):
        with suppress(OSError):
            if os.path.samestat(found, os.fstat(descriptor)):
                return True
    return False
