"""A shell on a real terminal: what somebody types, and what they see."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

PATIENCE_SECONDS: Final = 300
"""For one command: only a command that hangs takes so long."""
_PROMPT: Final = "\x02ready\x03"
_ENDED: Final = re.compile(re.escape(_PROMPT) + r"(\d+)\x03")
_CODES: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Typed(NamedTuple):
    """What a command has shown, and its exit code."""

    text: str
    code: int

    @property
    def lines(self) -> list[str]:
        """What stays on the screen, without colours: what was erased was progress."""
        kept = [line.rsplit("\x1b[2K", 1)[-1].rstrip("\r") for line in self.text.split("\n")]
        return [_CODES.sub("", line.rsplit("\r", 1)[-1]) for line in kept]

    @property
    def plain(self) -> str:
        """The same as one text."""
        return "\n".join(self.lines)


class Terminal:
    """A shell of its own."""

    def __init__(self, columns: int, environment: Mapping[str, str], folder: Path) -> None:
        self._shown = ""
        self._process, self._end = pty.fork()
        if self._process == 0:
            signal.signal(
                signal.SIGINT, signal.SIG_DFL
            )  # a job in the background leaves it ignored to its children
            os.chdir(folder)
            own = {**environment, "PS1": "", "PROMPT_COMMAND": "", "TERM": "xterm-256color"}
            os.execve("/bin/bash", ["bash", "--norc", "--noprofile", "--noediting"], own)
        fcntl.ioctl(self._end, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        self.run("stty -echo; set -o pipefail")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        os.kill(self._process, signal.SIGHUP)
        os.close(self._end)
        os.waitpid(self._process, 0)

    def begin(self, command: str) -> None:
        """Type a command and do not wait for its end."""
        self._shown = ""
        os.write(self._end, f"{command}; printf '\\002ready\\003%d\\003\\n' $?\n".encode())

    def run(self, command: str) -> Typed:
        """Type a command and wait for its end."""
        self.begin(command)
        return self.end()

    def answer(self, text: str) -> None:
        """Type an answer to a question, or a control character."""
        os.write(self._end, text.encode())

    def wait_for(self, text: str) -> str:
        """What is shown, once it has that text in it."""
        return self._until(re.compile(re.escape(text)))

    def end(self) -> Typed:
        """What the command has shown, once it has ended."""
        shown = self._until(_ENDED)
        found = _ENDED.search(shown)
        assert found is not None
        self._shown = shown[found.end() :].lstrip("\r\n")
        return Typed(shown[: found.start()], int(found.group(1)))

    def _until(self, pattern: re.Pattern[str]) -> str:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while pattern.search(self._shown) is None:
            left = deadline - time.monotonic()
            assert left > 0, f"{pattern.pattern} is not shown: {self._shown[-2000:]}"
            if select.select([self._end], [], [], min(left, 1))[0]:
                self._shown += os.read(self._end, 65536).decode("utf-8", "replace")
        return self._shown
