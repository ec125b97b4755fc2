"""Keys by what a person knows of them: the beginning of an id, an account, or the account's name. Each page
is found by a bounded number of requests, however many keys there are: nothing is scanned.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

from metering.period import Period
from metering.prices.tariff import Account, Tariff
from metering.quotas.plan import Assignment, KeyStatus
from usage_api.ports import PlanSource
from usage_api.schemas import KeyEntry

MOST_ACCOUNTS: Final = 20
"""Of a search: the accounts of the tariff that are read for their keys."""


class FoundKeys(NamedTuple):
    """Some keys, in the order of their ids."""

    entries: tuple[KeyEntry, ...]
    has_more: bool


class KeyOwners:
    """Which account each key belongs to in a month, by the tariff in force."""

    def __init__(self, tariff: Tariff | None, month: Period) -> None:
        """Without a tariff, accounts are known by the plans of keys only."""
        self._tariff = tariff
        self._month = month
        self._owners = {} if tariff is None else tariff.owners_in(month)

    def entry(self, key: str, assignment: Assignment | None) -> KeyEntry:
        """What is shown of a key. The account of its plan comes first: it is what limits hold for."""
        owner = self._owners.get(key)
        account = (assignment and assignment.account) or (owner.account.id if owner else "")
        return KeyEntry(
            key=key,
            plan=assignment.plan if assignment else None,
            account=account,
            status=assignment.status if assignment else KeyStatus.ACTIVE,
            name=self._name(account),
        )

    def accounts_like(self, text: str) -> Iterator[Account]:
        """The accounts whose id or name has a text in it, whatever the case of its letters."""
        wanted = text.casefold()
        for account in self._tariff.accounts.values() if self._tariff else ():
            if wanted in account.id.casefold() or wanted in _name_of(account).casefold():
                yield account

    def keys_of(self, account: Account) -> tuple[str, ...]:
        """The keys of an account in the month."""
        return account.keys_in(self._month)

    def _name(self, account: str) -> str | None:
        found = self._tariff.accounts.get(account) if self._tariff else None
        return (_name_of(found) or None) if found else None


def key_page(plans: PlanSource, owners: KeyOwners, limit: int, after: str, text: str | None) -> FoundKeys:
    """At most `limit` keys that come after one: all that have a plan, or those that a text finds."""
    page = plans.page(limit, after, text or "")
    found = {one.key: owners.entry(one.key, one) for one in page.assignments}
    if text is not None:
        later = sorted(key for key in _keys_of_accounts(plans, owners, text) if _order(key) > _order(after))
        missing = [key for key in later[: limit + 1] if key not in found]
        found |= {key: owners.entry(key, plan) for key, plan in plans.assignments_of(missing).items()}
    ordered = sorted(found.values(), key=lambda entry: _order(entry.key))
    return FoundKeys(tuple(ordered[:limit]), page.has_more or len(ordered) > limit)


def _keys_of_accounts(plans: PlanSource, owners: KeyOwners, text: str) -> set[str]:
    """The keys of the accounts that a text names, by the plans and by the tariff."""
    accounts = list(islice(owners.accounts_like(text), MOST_ACCOUNTS))
    keys = {key for account in accounts for key in owners.keys_of(account)}
    for name in {text, *(account.id for account in accounts)}:
        known = plans.account(name)
        keys |= known.keys if known else frozenset()
    return keys


def _order(key: str) -> bytes:
    return key.encode("utf-8", "replace")


def _name_of(account: Account) -> str:
    return account.customer.name if account.customer else ""
