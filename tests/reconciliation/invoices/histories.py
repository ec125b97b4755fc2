"""Random lives of accounts: their tariff file month by month, their calls, and an oracle that knows all.

The history edits one tariff file as an operator does. The oracle keeps books of its own: it notes for each
key and month who pays by which version, when that is decided, and prices by integers.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import Any

from metering.period import Period
from metering.prices.money import EXACT
from metering.prices.tariff_file import read_tariff
from metering.usage import Usage
from reconciliation.invoices.issue import Invoicing
from reconciliation.invoices.material.account_groups import GROUP
from reconciliation.invoices.numbering import Numbering
from reconciliation.invoices.several_meters import SeveralMeters
from tests.metering.prices import oracle
from tests.metering.prices.random_tariffs import METRICS, random_price
from tests.reconciliation.invoices.samples import Killed, Known, Shelves

MONTHS = [Period(f"2026-{number:02d}") for number in range(1, 9)]
ALWAYS = "0001-01"
DAY = date(2026, 9, 1)

PAPER = {
    "numbers": {"invoices": "I-{year}-", "credit_notes": "C-"},
    "tax": [
        {"name": "VAT", "percent": "7.7", "until": "2026-04"},
        {"name": "VAT", "percent": 19, "from": "2026-04"},
    ],
    "at_zero": False,
}

Version = dict[str, Any]
Quantities = dict[str, int]


@dataclass
class History:
    """A tariff file and the calls, up to a month."""

    random: Random
    now: Period = MONTHS[0]
    plans: dict[str, list[Version]] = field(default_factory=dict)
    accounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: dict[Period, dict[str, Quantities]] = field(default_factory=lambda: defaultdict(dict))
    payers: dict[tuple[Period, str], str] = field(default_factory=dict)
    """Who pays for a key's calls of a month, once that is decided."""
    versions: dict[tuple[Period, str], tuple[str, Version]] = field(default_factory=dict)
    """By what an account pays for a month, once that is decided: plan and version."""
    coarsest: dict[tuple[Period, str], int] = field(default_factory=dict)
    """The fewest digits of a document that adjusts an account's month."""
    counts: tuple[int, ...] = (1, 3, 40, 1000, 10**6)
    """Of calls of a key that become known together."""
    names: int = 0
    lost: set[str] = field(default_factory=set)
    """Numbers that were named as on no document."""
    several_meters: bool = False
    """Whether a second meter counts the calls of every other key."""
    on_paper: bool = False
    """Whether documents have numbers and taxes, and there is none where nothing is due."""

    def begin(self) -> None:
        """Two plans, one of them for keys without an account, and an account with each of some keys."""
        for name in ("p", "q"):
            self.plans[name] = [self._version()]
        for keys in (["k1", "k2"], ["k3"]):
            self.accounts[self._name("a")] = {"keys": list(keys), "plan": self.random.choice(["p", "q"])}

    def file(self) -> dict[str, Any]:
        """The tariff file as it is now."""
        return {
            "currency": "EUR",
            "rounding": {"digits": 2, "mode": "half_even"},
            "zero_month": "nothing",
            "default_plan": "p",
            "plans": self.plans,
            "accounts": self.accounts,
            **({"invoices": PAPER} if self.on_paper else {}),
            **({"meters": {"eu": {"stack": "eu"}}} if self.several_meters else {}),
        }

    def _name(self, kind: str) -> str:
        self.names += 1
        return f"{kind}{self.names}"

    def _version(self) -> Version:
        price = random_price(self.random, "requests")
        bounds: Version = {"minimum": "7.25"} if self.random.random() < 0.2 else {}
        return {
            "version": self._name("v"),
            "valid_from": ALWAYS if self.now == MONTHS[0] else str(self.now),
            "currency": self.random.choice(["EUR", "EUR", "USD"]),
            "rounding": {
                "digits": self.random.choice([2, 2, 0, 4]),
                "mode": self.random.choice(["half_even", "up"]),
            },
            "prices": [{**price, "metric": "requests", "id": "requests"}],
            **bounds,
        }

    # What operators do

    def change(self) -> None:
        """One event in the life of an account."""
        events = [
            self.new,
            self.rename,
            self.merge,
            self.split,
            self.rotate,
            self.move,
            self.leave,
            self.replan,
        ]
        self.random.choice([*events, self.new_prices])()

    def new(self) -> None:
        """A contract for a key that had none, or that is new."""
        key = self.random.choice(self._strays() or [self._name("k")])
        plan: Any = self.random.choice(["p", "q"])
        if self.random.random() < 0.3:
            plan = [{"plan": plan, "valid_from": str(self.now)}]
        name = self._name("a")
        self.accounts[name] = {"keys": [], "plan": plan}
        self._give(key, name, is_dated=self.random.random() < 0.5)

    def rename(self) -> None:
        """Another name, and nothing else."""
        name = self._some()
        if name is not None:
            self.accounts[self._name("a")] = self.accounts.pop(name)

    def merge(self) -> None:
        """An account takes over all keys of another, which ends."""
        name, other = self._some(), self._some()
        if name is not None and other is not None and name != other:
            for key in self._keys(other):
                self._hand_over(key, other, name)
            del self.accounts[other]

    def split(self) -> None:
        """A key gets an account of its own."""
        name = self._some()
        keys = self._keys(name) if name else []
        if name is not None and len(keys) > 1:
            new = self._name("a")
            self.accounts[new] = {"keys": [], "plan": self.random.choice(["p", "q"])}
            self._hand_over(self.random.choice(keys), name, new)

    def rotate(self) -> None:
        """A new key in place of an old one."""
        name = self._some()
        if name is not None and (keys := self._keys(name)):
            self._take(self.random.choice(keys), name, by_date=self.random.random() < 0.5)
            self.accounts[name]["keys"].append(self._name("k"))

    def move(self) -> None:
        """A key goes to another account."""
        name, other = self._some(), self._some()
        if name is not None and other is not None and name != other and len(self._keys(name)) > 1:
            self._hand_over(self.random.choice(self._keys(name)), name, other)

    def leave(self) -> None:
        """An account ends: by a date, or by being taken out."""
        name = self._some()
        if name is None or len(self.accounts) < 2:
            return
        if self.random.random() < 0.5 or self.accounts[name].get("from") == self.now:
            del self.accounts[name]
        else:
            self.accounts[name]["until"] = str(self.now)

    def replan(self) -> None:
        """An account gets another plan from now on."""
        name = self._some()
        if name is None:
            return
        plan = self.accounts[name]["plan"]
        plans = [{"plan": plan, "valid_from": ALWAYS}] if isinstance(plan, str) else plan
        if plans[-1]["valid_from"] < self.now:
            changed = {"plan": self.random.choice(["p", "q"]), "valid_from": str(self.now)}
            self.accounts[name]["plan"] = [*plans, changed]

    def new_prices(self) -> None:
        """A plan has other prices, another currency or rounding, from now on."""
        versions = self.plans[self.random.choice(["p", "q"])]
        if versions[-1]["valid_from"] < self.now:
            versions.append(self._version())

    def _some(self) -> str | None:
        """An account that there is now."""
        names = [name for name, one in self.accounts.items() if "until" not in one and self._keys(name)]
        return self.random.choice(names) if names else None

    def _keys(self, name: str) -> list[str]:
        """The keys that an account has now."""
        held = self.accounts[name]["keys"]
        return [one if isinstance(one, str) else one["key"] for one in held if not self._has_ended(one)]

    def _has_ended(self, held: Any) -> bool:
        return isinstance(held, dict) and held.get("until", "9") <= self.now

    def _strays(self) -> list[str]:
        owned = {key for name, one in self.accounts.items() if "until" not in one for key in self._keys(name)}
        used = {key for calls in self.calls.values() for key in calls}
        return sorted(used - owned)

    def _hand_over(self, key: str, name: str, other: str) -> None:
        """With dates, or by moving the line."""
        has_had_it = any(payer == other for (_, one), payer in self.payers.items() if one == key)
        is_dated = self._take(key, name, by_date=not has_had_it and self.random.random() < 0.5)
        self._give(key, other, is_dated=is_dated)

    def _give(self, key: str, name: str, *, is_dated: bool) -> None:
        """A key without a date is on no other list, whatever that says of its end."""
        if not is_dated:
            for one in self.accounts.values():
                left = [
                    held for held in one["keys"] if key != (held if isinstance(held, str) else held["key"])
                ]
                one["keys"][:] = left if left or one is self.accounts[name] else [self._name("k")]
        self.accounts[name]["keys"].append({"key": key, "from": str(self.now)} if is_dated else key)

    def _take(self, key: str, name: str, *, by_date: bool) -> bool:
        """Take a key from an account: by a date, or out of its list. Whether by a date."""
        held = self.accounts[name]["keys"]
        [one] = [one for one in held if one == key or ((isinstance(one, dict) and one["key"] == key)
                 and not self._has_ended(one))]  # fmt: skip
        start = one.get("from", ALWAYS) if isinstance(one, dict) else ALWAYS
        held.remove(one)
        is_dated = by_date and start < self.now
        if is_dated:
            held.append({"key": key, **({"from": start} if start != ALWAYS else {}), "until": str(self.now)})
        elif not held:
            held.append(self._name("k"))
        return is_dated

    # Calls

    def call(self) -> list[tuple[Period, str, Usage]]:
        """Calls that become known now: of this month, and late ones."""
        known = []
        keys = sorted(
            {f"k{n}" for n in range(1, 5)} | {k for name in self.accounts for k in self._keys(name)}
        )
        for month in MONTHS[: MONTHS.index(self.now) + 1]:
            for key in keys:
                if self.random.random() < (0.7 if month == self.now else 0.15):
                    count = self.random.choice(self.counts)
                    quantities = {**dict.fromkeys(METRICS, 0), "requests": count}
                    before = self.calls[month].get(key, dict.fromkeys(METRICS, 0))
                    self.calls[month][key] = {name: before[name] + quantities[name] for name in METRICS}
                    known.append((month, key, Usage(**quantities, fingerprint=count)))
        return known

    # The oracle's books

    def decide(self) -> None:
        """Who pays, for all that the invoices of this month name for the first time."""
        self._decide_this_month()
        for month in MONTHS[: MONTHS.index(self.now)]:
            for key in self.calls[month]:
                if (month, key) not in self.payers:
                    self._pays(month, key, self._owner(month, key) or f"key:{key}")
        for (month, account), (_, version) in self.versions.items():
            if month < self.now:
                self._note_digits(month, account, version)

    def _decide_this_month(self) -> None:
        for name, one in self.accounts.items():
            if self._holds(one, self.now) and self._plan(one, self.now) is not None:
                self.versions[self.now, name] = self._terms(name, self.now)
                for held in one["keys"]:
                    if self._holds(held, self.now):
                        self.payers[self.now, held if isinstance(held, str) else held["key"]] = name
        for key in self.calls[self.now]:
            if (self.now, key) not in self.payers:
                self._pays(self.now, key, f"key:{key}")

    def _pays(self, month: Period, key: str, account: str) -> None:
        self.payers[month, key] = account
        self.versions.setdefault((month, account), self._terms(account, month))

    def _owner(self, month: Period, key: str) -> str | None:
        for name, one in self.accounts.items():
            for held in one["keys"]:
                is_its = key == (held if isinstance(held, str) else held["key"]) and self._holds(held, month)
                if is_its and self._holds(one, month) and self._plan(one, month) is not None:
                    return name
        return None

    def _holds(self, dated: Any, month: Period) -> bool:
        if isinstance(dated, str):
            return True
        start = dated.get("from", dated.get("valid_from", ALWAYS))
        return bool(start <= month < dated.get("until", "9999-99"))

    def _plan(self, account: dict[str, Any], month: Period) -> str | None:
        plan = account["plan"]
        plans = [{"plan": plan, "valid_from": ALWAYS}] if isinstance(plan, str) else plan
        return next((one["plan"] for one in reversed(plans) if one["valid_from"] <= month), None)

    def _terms(self, account: str, month: Period) -> tuple[str, Version]:
        plan = "p" if account.startswith("key:") else self._plan(self.accounts[account], month)
        assert plan is not None
        return plan, next(one for one in reversed(self.plans[plan]) if one["valid_from"] <= month)

    def _note_digits(self, month: Period, account: str, version: Version) -> None:
        """A document of now may adjust the month in the digits of the account's prices now."""
        now = self.versions.get((self.now, account))
        if now is None and account.startswith("key:"):
            now = self._terms(account, self.now)
        if now is not None and now[1]["currency"] == version["currency"]:
            fewest = self.coarsest.get((month, account), version["rounding"]["digits"])
            self.coarsest[month, account] = min(fewest, now[1]["rounding"]["digits"])

    def due(self) -> dict[tuple[Period, str, str], Any]:
        """What each account owes for each month, in its currency."""
        found = {}
        for (month, account), (_, version) in self.versions.items():
            requests = sum(
                calls["requests"]
                for key, calls in self.calls[month].items()
                if self.payers.get((month, key)) == account
            )
            terms = {"rounding": version["rounding"], "zero_month": "nothing"}
            [price] = version["prices"]
            units = oracle.month_total(version, terms, [oracle.line_amount(price, terms, requests)])
            found[month, account, version["currency"]] = EXACT.scaleb(units, -version["rounding"]["digits"])
        return found


def lived(
    seed: int, counts: tuple[int, ...] = History.counts, group_size: int = GROUP
) -> tuple[History, Shelves]:
    """A history, invoiced month by month by jobs that may be killed and are run again; `group_size` accounts
    are priced at a time.
    """
    history, known, shelf = History(Random(seed), counts=counts), Known(), Shelves()
    history.on_paper, history.several_meters = seed % 2 == 1, seed % 4 > 1
    other = Known()
    history.begin()
    for month in MONTHS:
        history.now = month
        for _ in range(history.random.randint(0, 3) if month != MONTHS[0] else 0):
            history.change()
        for called, key, usage in history.call():
            (other if history.several_meters and int(key[1:]) % 2 else known).add(called, key, usage)
        history.decide()
        read = read_tariff(history.file())
        shelf.killed_at = (
            shelf.writes + history.random.randint(0, 8) if history.random.random() < 0.3 else None
        )
        shelf.is_written = history.random.random() < 0.5
        usages = SeveralMeters("main", known, read.meters, lambda _meter: other)
        job = Invoicing(
            usages if history.several_meters else known,
            shelf,
            numbering=Numbering(shelf, lambda: DAY),
            group_size=group_size,
        )
        try:
            invoiced = job.invoice(month, read)
        except Killed:
            invoiced = job.invoice(month, read)
        history.lost |= {one.number for one in invoiced.unused}
        assert () == invoiced.unpriced
    return history, shelf
