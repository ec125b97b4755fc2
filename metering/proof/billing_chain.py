"""The chain of what decides billing: sealings, sealed usage and invoices, each named by its SHA-256. Pure.

A *link* names the objects of a month, by lists of their names and digests, and the link before it. So an
object cannot be changed without its list, a list not without its link, a link not without all that follow.
The last link has none that follows: its digest is the chain's *head*, which is kept somewhere else, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Final, NamedTuple

import msgspec


class LinkKind(StrEnum):
    """What a link is for."""

    FIRST = "first"
    """It names what was there before the chain began."""
    SEALING = "sealing"
    INVOICES = "invoices"
    ARCHIVE = "archive"
    """The counters of a month's days, before they leave the table."""


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """One link."""

    number: int
    """From 1 on, without gaps."""
    previous: str
    """SHA-256 of the link before; empty: it is the first."""
    kind: LinkKind
    at: datetime
    who: str
    lists: dict[str, str]
    """By month, the SHA-256 of the list of its objects that are linked here."""


class LinkedObject(msgspec.Struct, frozen=True, order=True):
    """An object of the bucket, as a link's list has it."""

    name: str
    sha256: str


class Head(NamedTuple):
    """The last link of a chain."""

    number: int
    sha256: str

    def __str__(self) -> str:
        return f"{self.number}:{self.sha256}"


NO_HEAD: Final = Head(0, "")


def parse_head(text: str) -> Head:
    """What :meth:`Head.__str__` wrote.

    Raises:
        ValueError: it is not a head.
    """
    if not (match := _HEAD.fullmatch(text)):
        raise ValueError(f"{text} is not a head of the chain: write it as 7:9f86d0..., as a run prints it")
    return Head(int(match.group(1)), match.group(2))


_HEAD: Final = re.compile(r"([1-9]\d{0,9}):([0-9a-f]{64})", re.ASCII)
_encode_link: Final = msgspec.json.Encoder().encode
_decode_link: Final = msgspec.json.Decoder(Link).decode
_encode_list: Final = msgspec.json.Encoder().encode_lines
_decode_list: Final = msgspec.json.Decoder(LinkedObject).decode_lines


class ReadChain(NamedTuple):
    """A chain as it was read."""

    links: tuple[Link, ...]
    """Those that can be read, in their order."""
    head: Head
    faults: tuple[str, ...]
    """What is wrong, a sentence each."""


def digest_of(content: bytes) -> str:
    """SHA-256, in hexadecimal digits."""
    return sha256(content).hexdigest()


def link_content(link: Link) -> bytes:
    """A link as it is kept."""
    return _encode_link(link)


def list_content(objects: Mapping[str, str]) -> bytes:
    """A list of objects, by name the SHA-256 of each, as it is kept: in the order of the names."""
    return _encode_list([LinkedObject(name, digest) for name, digest in sorted(objects.items())])


def read_list(content: bytes) -> dict[str, str]:
    """The SHA-256 of each object of a list, by its name.

    Raises:
        ValueError: it is not a list.
    """
    return {one.name: one.sha256 for one in _decode_list(content)}


def read_chain(stored: Iterable[tuple[int, bytes]], kept: Iterable[Head]) -> ReadChain:
    """A chain, of its links by number, in order; `kept` are heads that were kept apart from them."""
    contents = dict(stored)
    links: list[Link] = []
    faults = [f"link {number} is missing" for number in _gaps(contents)]
    head, before = NO_HEAD, NO_HEAD
    for number, content in sorted(contents.items()):
        head = Head(number, digest_of(content))
        try:
            link = _decode_link(content)
        except ValueError as error:
            faults.append(f"link {number} cannot be read ({error})")
        else:
            links.append(link)
            faults += _link_faults(link, number, before)
        before = head
    faults += (fault for one in kept for fault in _head_faults(contents, head, one))
    return ReadChain(tuple(links), head, tuple(faults))


def _gaps(numbers: Iterable[int]) -> Iterator[int]:
    known = set(numbers)
    return (number for number in range(1, max(known, default=0)) if number not in known)


def _link_faults(link: Link, number: int, before: Head) -> Iterator[str]:
    if link.number != number:
        yield f"link {number} says that it is link {link.number}"
    if before.number == number - 1 and link.previous != before.sha256:
        what = f"link {before.number} was altered" if before.number else "the links before it are missing"
        yield f"link {number} does not name the link before it: {what}, or link {number} was"


def _head_faults(contents: Mapping[int, bytes], head: Head, kept: Head) -> Iterator[str]:
    """What the head that was kept apart says; it may be behind, and never ahead."""
    if kept.number > head.number:
        first, last = head.number + 1, kept.number
        which = f"link {last} is" if first == last else f"links {first} to {last} are"
        yield f"{which} missing at the end: the chain had {last} links"
    elif kept.number in contents and digest_of(contents[kept.number]) != kept.sha256:
        yield f"link {kept.number} was altered: its SHA-256 was {kept.sha256}"
