"""Runs a command in a network of its own, with nothing in it but the loopback.

    python -m tests.private_network pytest ...

DynamoDB Local listens on all interfaces and has no switch for it; here that is the loopback alone, and the
tests still reach it. It also shows that no test needs the network. Where the system does not allow it, the
command runs as it is.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys

UNSHARE = ["unshare", "--user", "--map-root-user", "--net"]

# Linux: netdevice(7).
SIOCGIFFLAGS = 0x8913
SIOCSIFFLAGS = 0x8914
IFF_UP = 1
LOOPBACK = b"lo"


def main(command: list[str]) -> None:
    """Become the command, inside a private network if there can be one."""
    if command[:1] == ["--inside"]:
        raise_loopback()
        os.execvp(command[1], command[1:])
    if possible():
        os.execvp(UNSHARE[0], [*UNSHARE, sys.executable, "-m", "tests.private_network", "--inside", *command])
    print("No private network on this system: the command runs in the common one.", file=sys.stderr)
    os.execvp(command[0], command)


def possible() -> bool:
    """Whether this system lets its users make a network of their own."""
    return shutil.which(UNSHARE[0]) is not None and (
        subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode == 0
    )


def raise_loopback() -> None:
    """Bring up the loopback, which is down in a new network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        (flags,) = struct.unpack_from("H", fcntl.ioctl(any_socket, SIOCGIFFLAGS, _request(0)), 16)
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, _request(flags | IFF_UP))


def _request(flags: int) -> bytes:
    return struct.pack("16sH14x", LOOPBACK, flags)


if __name__ == "__main__":
    main(sys.argv[1:])
