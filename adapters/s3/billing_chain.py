"""The chain of what decides billing, in the lake's bucket.

    billing-chain/links/00000001.json         the links, by their number: written once, and never changed
    billing-chain/lists/<SHA-256>.jsonl       the objects that a link names, with the SHA-256 of each

A link is put on the condition that there is none of its number: of two jobs at once one adds it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from adapters.s3.bucket import Bucket
from metering.bucket_layout import CHAIN, CLOSINGS, INVOICES
from metering.period import Period
from metering.prices.documents import DOCUMENT_NAME

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

READERS: Final = 8
"""Links that are read at the same time: fewer than the ten connections that a client keeps."""
_LINK: Final = re.compile(rf"{CHAIN}links/(\d{{8,}})\.json", re.ASCII)
_MONTH: Final = r"(\d{4}-\d\d)"
_DECIDES: Final = re.compile(rf"{CLOSINGS}{_MONTH}\.json|{INVOICES}{_MONTH}/[^/]+/{re.escape(DOCUMENT_NAME)}")


class S3BillingChain:
    """The port `ChainStore` on one bucket. Errors of S3 become Transient or Misconfigured."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._bucket = Bucket(s3, bucket)

    def links(self) -> Iterator[tuple[int, bytes]]:
        """All links with their numbers, in order."""
        found = [(name, _LINK.fullmatch(name)) for name in self._names(f"{CHAIN}links/")]
        names = {int(match.group(1)): name for name, match in found if match}
        with ThreadPoolExecutor(READERS) as pool:
            yield from zip(names, pool.map(self._bucket.content, names.values()), strict=True)

    def add(self, number: int, content: bytes) -> bool:
        """Keep a link under its number, if there is none; whether it is the one that is kept.

        A write whose answer was lost is repeated by the SDK and refused because of itself.
        """
        name = f"{CHAIN}links/{number:08d}.json"
        return self._bucket.put_if_absent(name, content) or self._bucket.content(name) == content

    def keep_list(self, digest: str, content: bytes) -> None:
        """Keep a list under its digest."""
        self._bucket.put(_list_name(digest), content)

    def list(self, digest: str) -> bytes | None:
        """The list of a digest, as it is kept; None if it is gone."""
        return self.content(_list_name(digest))

    def content(self, name: str) -> bytes | None:
        """An object that a list names; None if it is gone."""
        found = self._bucket.get(name)
        return None if found is None else found.content

    def deciding(self) -> Iterator[tuple[Period, str]]:
        """The states of months, and the documents of invoices, each with its month."""
        for prefix in (CLOSINGS, INVOICES):
            for name in self._names(prefix):
                if match := _DECIDES.fullmatch(name):
                    yield Period(match.group(1) or match.group(2)), name

    def _names(self, prefix: str) -> Iterator[str]:
        return (one.name for one in self._bucket.objects(prefix))


def _list_name(digest: str) -> str:
    return f"{CHAIN}lists/{digest}.jsonl"
