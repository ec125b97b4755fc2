"""Results that are written as a whole, or not at all."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer import BadParameter

from cli.common.errors import CommandError
from cli.common.output import STANDARD, whole, write_bytes, written_later
from cli.common.whole_file import check_writable, is_special, whole_file


class Failed(Exception):
    """A later part of a result cannot be made."""


def fail_midway(place: Path) -> None:
    """Write half a result."""

    def half() -> Iterator[bytes]:
        yield b"half" * 10_000
        raise Failed

    with pytest.raises(Failed), whole(place) as file:
        file.writelines(half())


def test_a_file_keeps_its_content_if_a_later_part_fails(tmp_path: Path) -> None:
    """Where there was none, there is none afterwards; and nothing else is left in the folder."""
    old = tmp_path / "old"
    old.write_bytes(b"old")
    fail_midway(old)
    fail_midway(tmp_path / "new")
    assert {"old": b"old"} == {path.name: path.read_bytes() for path in tmp_path.iterdir()}


def test_a_file_is_replaced_at_once(tmp_path: Path) -> None:
    """Who has the old one open, reads it to its end; the new one has its mode, and a link to it stays one."""
    old, link = tmp_path / "old", tmp_path / "link"
    old.write_bytes(b"old")
    old.chmod(0o640)
    link.symlink_to(old.name)
    with old.open("rb") as reader:
        with whole_file(link) as file:
            file.write(b"new")
        assert (b"old", b"new", 0o640) == (reader.read(), old.read_bytes(), stat.S_IMODE(old.stat().st_mode))
    assert {link, old} == set(tmp_path.iterdir())
    assert link.is_symlink()


def test_a_new_file_has_the_usual_mode(tmp_path: Path) -> None:
    """As any other program would have made it, not one that its owner alone can read."""
    (tmp_path / "other").touch()
    with whole_file(tmp_path / "new") as file:
        file.write(b"new")
    assert (tmp_path / "other").stat().st_mode == (tmp_path / "new").stat().st_mode


def test_a_file_with_a_second_name_keeps_it(tmp_path: Path) -> None:
    """It is written where it is, once the result is made."""
    old, second = tmp_path / "old", tmp_path / "second"
    old.write_bytes(b"a longer one")
    second.hardlink_to(old)
    fail_midway(old)
    assert b"a longer one" == second.read_bytes()
    with whole_file(old) as file:
        file.write(b"new")
    assert b"new" == second.read_bytes()


def test_a_file_that_cannot_be_replaced_is_written_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as one that is mounted into a container by itself."""

    def busy(*_: object) -> None:
        raise OSError(16, "Device or resource busy")

    place = tmp_path / "mounted"
    place.write_bytes(b"a longer one")
    monkeypatch.setattr(Path, "replace", busy)
    with whole_file(place) as file:
        file.write(b"new")
    assert {"mounted": b"new"} == {path.name: path.read_bytes() for path in tmp_path.iterdir()}


def test_a_pipe_gets_the_whole_result(tmp_path: Path) -> None:
    """It stays a pipe. It is not opened to see that it can be written. Of half a result it gets nothing."""
    place = tmp_path / "pipe"
    os.mkfifo(place)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(place.read_bytes()), daemon=True)
    reader.start()
    assert place == written_later(place)
    fail_midway(place)
    with whole_file(place) as file:
        file.write(b"new")
    reader.join()
    assert ([b"new"], True, [place]) == (read, place.is_fifo(), list(tmp_path.iterdir()))


def test_standard_output_gets_the_whole_result(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """By its short name and by that of the system."""
    for place in (STANDARD, Path("/dev/stdout")):
        fail_midway(place)
        with whole(place) as file:
            file.write(b"new")
        assert b"new" == capfdbinary.readouterr().out
    assert is_special(Path("/dev/stdout"))


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    """With the place, in place of a traceback; so is a place that cannot be written for another reason."""
    for place, why in ((Path("/dev/full"), "No space left on device"), (tmp_path, "Is a directory")):
        with pytest.raises(CommandError, match=f"^{place} cannot be written: {why}"):
            write_bytes(place, b"new")
    assert [] == list(tmp_path.iterdir())


def test_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    """As every place that cannot be written is, before the work."""
    (tmp_path / "link").symlink_to("link")
    with pytest.raises(BadParameter, match="cannot be written"):
        written_later(tmp_path / "link")


def test_a_check_leaves_no_file(tmp_path: Path) -> None:
    """A command that fails later would leave an empty one, also where a link leads to it."""
    (tmp_path / "link").symlink_to("target")
    check_writable(tmp_path / "new")
    check_writable(tmp_path / "link")
    assert [tmp_path / "link"] == list(tmp_path.iterdir())
    with pytest.raises(FileNotFoundError):
        check_writable(tmp_path / "nowhere" / "new")
