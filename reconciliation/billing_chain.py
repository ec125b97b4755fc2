"""The chain of what decides billing, on a deployment: read and checked before anything is billed, and added
to when something was.

An object is written first and linked then, since of two jobs at once S3 decides which one's is kept. A job
that is killed in between leaves an object that no link names; the same job, run again, links it. Two jobs at
once add one link after the other: a number is taken once.

Before the first link is added, all that was sealed and issued until then is named by a link of its own. From
then on a change of it is seen; what was changed before is not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final, NamedTuple, Protocol

import msgspec

from metering.bucket_layout import CLOSINGS
from metering.errors import MeterError, Transient
from metering.period import Period
from metering.proof.billing_chain import (
    Head,
    Link,
    LinkKind,
    ReadChain,
    digest_of,
    link_content,
    list_content,
    read_chain,
    read_list,
)
from metering.proof.month_state import Closing, State

ATTEMPTS: Final = 20
"""Links of others that may be added while one waits for its number."""
MOST_NAMED: Final = 5
_WITHOUT_INVOICES: Final = (LinkKind.SEALING, LinkKind.ARCHIVE)
_decode_state: Final = msgspec.json.Decoder(Closing).decode

Objects = Mapping[str, str]
"""Objects of a month: by name the SHA-256 of each."""


class BrokenChainError(MeterError):
    """What decides billing is not what it was; the text names the link or the object."""

    def __init__(self, fault: str) -> None:
        super().__init__(
            f"the chain of what was billed is broken: {fault}. Bring back the object's version of that time "
            "(the bucket keeps versions); `usage-meter verify` names all that is wrong. Nothing was billed"
        )


class ChainStore(Protocol):
    """Where links and lists are kept, beside the objects that they name."""

    def links(self) -> Iterable[tuple[int, bytes]]:
        """All links with their numbers, in order."""
        ...

    def add(self, number: int, content: bytes) -> bool:
        """Keep a link under its number, if there is none; whether it is the one that is kept."""
        ...

    def keep_list(self, digest: str, content: bytes) -> None:
        """Keep a list under its digest."""
        ...

    def list(self, digest: str) -> bytes | None:
        """The list of a digest; None if it is gone."""
        ...

    def content(self, name: str) -> bytes | None:
        """An object that a list names; None if it is gone."""
        ...

    def deciding(self) -> Iterable[tuple[Period, str]]:
        """The states of months, and the documents of invoices, each with its month."""
        ...


class HeadStore(Protocol):
    """Where the chain's head is kept, apart from the chain."""

    def read(self) -> Head:
        """The last head that was kept."""
        ...

    def keep(self, head: Head) -> None:
        """Keep a head, unless a later one is kept."""
        ...


class LinkedObjects(NamedTuple):
    """The objects of a month that links name."""

    objects: Objects
    faults: tuple[str, ...]


class BillingChain:
    """The chain of one deployment. All methods raise the MeterErrors of its stores."""

    def __init__(
        self, store: ChainStore, heads: HeadStore, clock: Callable[[], datetime], who: str = ""
    ) -> None:
        """`clock` gives the time in UTC; `who` is whoever adds links."""
        self._store = store
        self._heads = heads
        self._clock = clock
        self._who = who

    def read(self, *heads: Head) -> ReadChain:
        """The chain as it is, with all that is wrong with its links; `heads` are further ones that somebody
        has kept. The store's is read first: a job that adds a link keeps the head afterwards.
        """
        kept = self._heads.read()
        return read_chain(self._store.links(), (kept, *heads))

    def kept_head(self) -> Head:
        """The head that is kept apart from the chain: its last link, or an earlier one."""
        return self._heads.read()

    def linked(self, chain: ReadChain, month: Period) -> LinkedObjects:
        """The objects of a month that links name, with what is wrong with the lists."""
        objects: dict[str, str] = {}
        faults: list[str] = []
        for link in chain.links:
            if (digest := link.lists.get(month)) is not None:
                listed = self._list(link, month, digest, faults)
                again = sorted(
                    name for name in listed.keys() & objects.keys() if listed[name] != objects[name]
                )
                faults += (f"{name} is linked with two contents" for name in again)
                objects = listed | objects
        return LinkedObjects(objects, tuple(faults))

    def _list(self, link: Link, month: Period, digest: str, faults: list[str]) -> dict[str, str]:
        content = self._store.list(digest)
        if content is None:
            faults.append(f"the list of {month} that link {link.number} names is missing ({digest})")
            return {}
        if digest_of(content) != digest:
            faults.append(f"the list of {month} that link {link.number} names was altered ({digest})")
            return {}
        return read_list(content)

    def whole(self) -> ReadChain:
        """The chain as it is.

        Raises:
            BrokenChainError: a link is not what it was.
        """
        return _whole(self.read())

    def named(self, month: Period, chain: ReadChain | None = None) -> Objects | None:
        """The objects of a month that links name; None: the chain has not begun. `chain` is what was read;
        None: it is read now.

        Raises:
            BrokenChainError: a link or a list is not what it was.
        """
        chain = chain or self.whole()
        if not chain.links:
            return None
        found = self.linked(chain, month)
        if found.faults:
            raise BrokenChainError(found.faults[0])
        return found.objects

    def last_named(self, kind: LinkKind, month: Period) -> Objects:
        """The objects of a month that the last link of a kind names; none: there is no such link.

        Raises:
            BrokenChainError: a link or its list is not what it was.
        """
        faults: list[str] = []
        for link in reversed(self.whole().links):
            if link.kind is kind and month in link.lists:
                named = self._list(link, month, link.lists[month], faults)
                if faults:
                    raise BrokenChainError(faults[0])
                return named
        return {}

    def unlinked(self, month: Period, prefix: str, found: Objects) -> list[str]:
        """The names of those objects of a month that no link names, in order. `found` are all objects of the
        month whose names begin so.

        Raises:
            BrokenChainError: one that a link names is gone or was altered, or the chain is broken.
        """
        return unlinked_objects(self.named(month), prefix, found)

    def check_months(self, prefix: str, there: Collection[Period], chain: ReadChain) -> None:
        """Raises BrokenChainError where links name invoices of a month, and the month has none any more."""
        for link in chain.links:
            months = [Period(month) for month in link.lists] if link.kind not in _WITHOUT_INVOICES else []
            for month in months:
                named = () if month in there else self.named(month, chain) or ()
                if any(name.startswith(prefix) for name in named):
                    raise BrokenChainError(f"all invoices of {month} are missing")

    def begin(self, chain: ReadChain | None = None) -> None:
        """Add the first link, if there is none: it names all that is sealed and issued until now. `chain` is
        what was read before; None: it is read now.
        """
        if (chain or self.whole()).links:
            return
        lists: dict[Period, dict[str, str]] = {}
        for month, name, digest in self.decided():
            lists.setdefault(month, {})[name] = digest
        self._add(LinkKind.FIRST, lists, self.whole(), is_first=True)

    def add(self, kind: LinkKind, month: Period, objects: Objects) -> None:
        """Add a link that names those of the objects that no link names yet; none where all are named: then
        the head is kept, in case that the job which added the last link was killed before.

        Raises:
            BrokenChainError: a link is not what it was.
        """
        chain = self.whole()
        named = self.named(month, chain) or {}
        new = {name: digest for name, digest in objects.items() if name not in named}
        if new:
            self._add(kind, {month: new}, chain)
        else:
            self._heads.keep(chain.head)

    def decided(self) -> Iterator[tuple[Period, str, str]]:
        """All that is sealed and issued: month, name and SHA-256 of each object."""
        for month, name in self._store.deciding():
            content = self._store.content(name)
            if content is None:
                continue
            if not name.startswith(CLOSINGS):
                yield month, name, digest_of(content)
            elif (closing := _decode_state(content)).state is State.SEALED:
                yield month, name, digest_of(content)
                yield from ((month, part, digest) for part, digest in sealed_parts(closing).items())

    def content(self, name: str) -> bytes | None:
        """An object that a list names; None if it is gone."""
        return self._store.content(name)

    def _add(
        self, kind: LinkKind, lists: Mapping[Period, Objects], chain: ReadChain, *, is_first: bool = False
    ) -> None:
        """Add a link after the last one; after that of `chain`, if nobody has added another meanwhile."""
        digests: dict[str, str] = {}
        for month, objects in lists.items():
            content = list_content(objects)
            digests[month] = digest_of(content)
            self._store.keep_list(digests[month], content)
        for _ in range(ATTEMPTS):
            before = chain.head
            if is_first and before.number:
                return
            link = Link(
                number=before.number + 1,
                previous=before.sha256,
                kind=kind,
                at=self._clock(),
                who=self._who,
                lists=digests,
            )
            content = link_content(link)
            if self._store.add(link.number, content):
                self._heads.keep(Head(link.number, digest_of(content)))
                return
            chain = self.whole()
        raise Transient("other jobs add links to the chain of what was billed all the time: run it again")


def sealed_parts(closing: Closing) -> dict[str, str]:
    """The objects that a sealing names: by name the SHA-256 of each."""
    parts = {closing.usage: closing.digest, closing.objects: closing.objects_digest}
    return {name: digest for name, digest in parts.items() if name}


def unlinked_objects(named: Objects | None, prefix: str, found: Objects) -> list[str]:
    """What :meth:`BillingChain.unlinked` gives, by the objects of the month that links name."""
    if named is None:
        return []
    ours = sorted(name for name in named if name.startswith(prefix))
    faults = [fault for name in ours for fault in _fault(name, named, found)]
    if faults:
        raise BrokenChainError("; ".join(faults[:MOST_NAMED]))
    return sorted(found.keys() - named.keys())


def _whole(chain: ReadChain) -> ReadChain:
    if chain.faults:
        raise BrokenChainError(chain.faults[0])
    return chain


def _fault(name: str, named: Objects, found: Objects) -> Iterator[str]:
    if name not in found:
        yield f"{name} is missing"
    elif found[name] != named[name]:
        yield f"{name} was altered: its SHA-256 was {named[name]}"
