"""A month in parts that are billed one after the other, so that never all accounts are in memory.

Accounts that have, or had, a key in common, or a key that one was billed for and another holds by the tariff,
are in one part, with all usage and all documents of theirs: what one of them is billed depends on nothing
else. So the parts come to what the whole month would.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final, NamedTuple, cast

import msgspec

from metering.period import Period
from metering.prices.documents import UNBILLED_FORMAT, InvoiceDocument, UnbilledDocument
from metering.prices.invoice import billed_keys
from metering.prices.statement import KeyUsage, MonthUsage
from metering.prices.tariff import KEY_ACCOUNT, Account, Tariff
from reconciliation.spool import RecordSpool, SpoolFile

GROUP: Final = 250
"""Accounts of a part: with twelve earlier months some 30 MB."""
_BLOCK_BYTES: Final = 1 << 15
"""Of each part's records, as long as they are put in their places."""


class _Record(msgspec.Struct, omit_defaults=True):
    """Usage of a key, a document, or a key that nobody was billed for; with the account, or key, by which it
    is put into a part.
    """

    month: Period
    key: str = ""
    account: str = ""
    usage: KeyUsage | None = None
    document: dict[str, Any] | None = None


class _Owner(msgspec.Struct):
    """Whose a record is."""

    key: str = ""
    account: str = ""


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(_Record).decode
_decode_owner: Final = msgspec.json.Decoder(_Owner).decode


class AccountPart(NamedTuple):
    """What a part of the accounts is billed by."""

    tariff: Tariff
    """With no other accounts."""
    usage: MonthUsage
    earlier: list[MonthUsage]
    documents: list[InvoiceDocument]
    """Of the month itself and of earlier ones, without their sources."""
    unbilled: list[UnbilledDocument]


class Material:
    """What a month is billed by: gathered first, and then given part by part."""

    def __init__(self, tariff: Tariff, size: int = GROUP) -> None:
        """`size` is how many accounts a part has, if no more belong together."""
        self._tariff = tariff
        self._size = size
        self._records = RecordSpool()
        self._accounts = _Accounts(tariff)
        self._used: set[Period] = set()

    def add_usage(self, usage: MonthUsage) -> None:
        """The usage of a month, in the order of the keys."""
        for used in usage.keys:
            self._used.add(usage.month)
            self._accounts.has(used.key)
            self._records.add(_encode(_Record(usage.month, key=used.key, usage=used)))

    def add_document(self, document: InvoiceDocument) -> None:
        """A document of this month or of an earlier one."""
        account, month = document["account"], Period(document["period"]["month"])
        self._accounts.is_billed(account, [key for _, key in billed_keys(document)])
        content = {**document, "sources": []}
        self._records.add(_encode(_Record(month, account=account, document=content)))

    def add_unbilled(self, document: UnbilledDocument) -> None:
        """The keys that nobody was billed for."""
        for month, keys in document["keys"].items():
            for key in keys:
                self._records.add(_encode(_Record(Period(month), key=key)))

    def has(self, month: Period) -> bool:
        """Whether any key has calls in a month."""
        return month in self._used

    def parts(self, usage: MonthUsage, earlier: list[MonthUsage]) -> Iterator[AccountPart]:
        """The parts, in the order of their accounts. Of `usage` and `earlier` only months and queries
        count.
        """
        begins = self._accounts.begins(self._size)
        accounts: list[dict[str, Account]] = [{} for _ in begins]
        for name, account in self._tariff.accounts.items():
            accounts[bisect_right(begins, self._accounts.first(name)) - 1][name] = account
        for records, held in zip(self._parted(begins), accounts, strict=True):
            yield _part(records, replace(self._tariff, accounts=held), usage, earlier)

    def _parted(self, begins: list[str]) -> list[RecordSpool]:
        if len(begins) == 1:
            return [self._records]
        file = SpoolFile()
        found = [RecordSpool(file, _BLOCK_BYTES) for _ in begins]
        for record in self._records:
            owner = _decode_owner(record)
            found[bisect_right(begins, self._accounts.first(owner.account, owner.key)) - 1].add(record)
        return found


def _part(records: RecordSpool, tariff: Tariff, usage: MonthUsage, earlier: list[MonthUsage]) -> AccountPart:
    used: dict[Period, list[KeyUsage]] = defaultdict(list)
    documents: list[InvoiceDocument] = []
    unbilled: dict[str, list[str]] = defaultdict(list)
    for record in map(_decode, records):
        if record.usage is not None:
            used[record.month].append(record.usage)
        elif record.document is not None:
            documents.append(cast("InvoiceDocument", record.document))
        else:
            unbilled[record.month].append(record.key)
    nobody: list[UnbilledDocument] = [{"format": UNBILLED_FORMAT, "keys": unbilled, "month": usage.month}]
    return AccountPart(
        tariff,
        _with_keys(usage, used),
        [_with_keys(one, used) for one in earlier],
        documents,
        nobody if unbilled else [],
    )


def _with_keys(usage: MonthUsage, used: dict[Period, list[KeyUsage]]) -> MonthUsage:
    return MonthUsage(usage.month, tuple(used.get(usage.month, ())), usage.query)


class _Accounts:
    """Which accounts belong together. The first of them, by name, stands for all."""

    def __init__(self, tariff: Tariff) -> None:
        self._owners: dict[str, str] = {}
        self._before: dict[str, str] = {}
        """Of an account that is not the first: one that is nearer to it."""
        self._names = set(tariff.accounts)
        for account in tariff.accounts.values():
            for key in account.keys:
                self._join(account.id, self._owners.setdefault(key, account.id))
                if _is_dated(account, key):
                    self._join(account.id, KEY_ACCOUNT + key)

    def has(self, key: str) -> None:
        """A key has calls."""
        if key not in self._owners:
            self._names.add(KEY_ACCOUNT + key)

    def is_billed(self, account: str, keys: list[str]) -> None:
        """An account was billed for keys."""
        self._names.add(account)
        own = [account.removeprefix(KEY_ACCOUNT)] if account.startswith(KEY_ACCOUNT) else []
        for key in (*keys, *own):
            self._join(account, self._of_key(key))

    def first(self, account: str, key: str = "") -> str:
        """The account that stands for all that belong to an account, or to the one of a key."""
        name = account or self._of_key(key)
        while name in self._before:
            before = self._before[name]
            self._before[name] = self._before.get(before, before)
            name = before
        return name

    def begins(self, size: int) -> list[str]:
        """From which first account on each part begins, in order."""
        firsts = sorted(self.first(name) for name in self._names)
        return ["", *dict.fromkeys(firsts[size::size])]

    def _of_key(self, key: str) -> str:
        return self._owners.get(key, KEY_ACCOUNT + key)

    def _join(self, one: str, other: str) -> None:
        first, second = sorted((self.first(one), self.first(other)))
        if first != second:
            self._before[second] = first


def _is_dated(account: Account, key: str) -> bool:
    """Whether a key may be no account's in some month, and is then billed alone."""
    plans = [one.validity for one in account.plans]
    held = [one.validity for one in account.holdings if one.key == key]
    return any(one.is_dated for one in (account.validity, *plans, *held))
