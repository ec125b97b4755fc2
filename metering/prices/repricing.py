"""An earlier month priced again, for those who were billed for it.

A key belongs to the account that was billed for it, and its usage is priced by the version that the account
was billed by. The tariff decides of what no invoice names: a key without calls when the month was invoiced,
an account that was left out. Where the tariff says something else of what was billed, that is a
contradiction, and nothing follows from it unless somebody asks for it by name:

- the key belongs to another account, or is no longer its account's, *by a date in the tariff*. A key without
  dates belongs to its account in the months that nobody else was billed for;
- the account has another plan, another price under the name of the same version, or none, in that month.

An account that is not in the tariff any more was renamed, or has left: that contradicts nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from metering.period import Period
from metering.prices.adjustment import Adjustment, BilledVersion, Charge, adjust
from metering.prices.billed_months import BilledMonth
from metering.prices.money import Rounding, RoundingMode, total
from metering.prices.statement import KeyUsage, MonthUsage, Statement, make_statement
from metering.prices.tariff import KEY_ACCOUNT, NoPrice, Owner, PlanVersion, Tariff


@dataclass(frozen=True, slots=True)
class Contradiction:
    """What the tariff says of a month otherwise than its invoices, and what to write instead."""

    month: Period
    account: str
    says: str
    remedy: str
    adjustments: tuple[Adjustment, ...] = ()
    """What it would come to."""

    @property
    def amount(self) -> Decimal:
        """All of it, in the currency of the version that was billed."""
        return total(adjustment.amount for adjustment in self.adjustments)


@dataclass(frozen=True, slots=True)
class RepricedMonth:
    """A month for those who were billed for it, or are to be."""

    month: Period
    statements: Mapping[str, Statement]
    billed: BilledMonth
    contradictions: tuple[Contradiction, ...] = ()
    unbilled: Mapping[str, str] = field(default_factory=dict)
    """Keys with calls that nobody pays for and that was not reported yet, each with the reason."""

    def is_of_somebody(self, account: str) -> bool:
        """Whether an account was billed for the month, or has calls in it."""
        used = self.statements[account].keys
        return account in self.billed.charges or any(any(one.quantities.values()) for one in used)

    def new_keys(self, account: str) -> list[str]:
        """Keys with calls that no document of the month names as the account's."""
        statement = self.statements[account]
        used = (one.key for one in statement.keys if any(one.quantities.values()))
        own = account.removeprefix(KEY_ACCOUNT)
        return [key for key in used if self.billed.holders.get(key) != account and key != own]


def reprice_month(
    tariff: Tariff, usage: MonthUsage, billed: BilledMonth, *, by_tariff: bool = False
) -> RepricedMonth:
    """A month priced again. With `by_tariff` what the tariff says is followed against what was billed; what
    contradicts then is a price that is needed, and that it no longer has.
    """
    keys = _Keys(tariff, usage.month, billed, by_tariff=by_tariff)
    by_account = keys.by_account(usage)
    found = [] if by_tariff else list(keys.contradictions)
    statements: dict[str, Statement] = {}
    for account, used in sorted(by_account.items()):
        before, stated = billed.version(account), _stated(tariff, account, usage.month, keys.owners)
        decided = _version(tariff, usage.month, account, before, stated)
        if isinstance(decided, Contradiction) and stated is None and _is_unchanged(billed, account, used):
            continue
        if isinstance(decided, Contradiction) and (stated is None or not by_tariff):
            found.append(_with_amounts(decided, stated, usage, used, billed))
            continue
        version = stated if isinstance(decided, Contradiction) else decided
        if isinstance(version, PlanVersion):
            statements[account] = make_statement(account, usage.month, version, used, usage.query)
        elif before is not None:
            statements[account] = withdrawn(account, usage.month, billed.charges[account][-1], usage.query)
        else:
            keys.leave_out(used, stated)
    return RepricedMonth(usage.month, statements, billed, tuple(found), keys.unbilled)


def withdrawn(account: str, month: Period, charge: Charge, query: str) -> Statement:
    """A month for which an account pays nothing any more, in the currency in which it was billed."""
    digits = max(0, -int(charge.amount.as_tuple().exponent))
    terms = (charge.currency, Rounding(digits, RoundingMode.HALF_EVEN), ())
    version = PlanVersion(charge.version.plan, charge.version.version, month, None, *terms)
    return Statement(account, month, version, (), (), None, query)


class _Keys:
    """Whose each key is in an earlier month."""

    def __init__(self, tariff: Tariff, month: Period, billed: BilledMonth, *, by_tariff: bool) -> None:
        self._tariff = tariff
        self._month = month
        self._billed = billed
        self._by_tariff = by_tariff
        self.owners = tariff.owners_in(month)
        self.contradictions: list[Contradiction] = []
        self.unbilled: dict[str, str] = {}

    def by_account(self, usage: MonthUsage) -> dict[str, list[KeyUsage]]:
        """The usage of each account; of those that were billed, also without calls."""
        found: dict[str, list[KeyUsage]] = defaultdict(list)
        for account, charges in self._billed.charges.items():
            if any(amount for amount in _by_line(charges).values()):
                found[account] = []
        for used in usage.keys:
            if not is_reserved(used.key):
                owner = self._owner(used)
                if owner is not None:
                    found[owner].append(used)
                else:
                    self.leave_out([used], None)
        return found

    def leave_out(self, usages: Iterable[KeyUsage], reason: NoPrice | PlanVersion | None) -> None:
        """Note keys with calls that nobody pays for."""
        for used in usages:
            if any(used.quantities.values()) and used.key not in self._billed.unbilled:
                self.unbilled[used.key] = str(reason or f"key {used.key} has no account in {self._month}")

    def _owner(self, used: KeyUsage) -> str | None:
        holder, claim = self._billed.holders.get(used.key), self.owners.get(used.key)
        if holder is None:
            return self._unnamed(used.key, claim)
        says = self._otherwise(used.key, holder, claim) if any(used.quantities.values()) else None
        if says is None:
            return holder
        self.contradictions.append(Contradiction(self._month, holder, *says))
        return self._claimed(used.key, claim) if self._by_tariff else holder

    def _unnamed(self, key: str, claim: Owner | None) -> str | None:
        """Of a key that nobody was billed for."""
        if key in self._billed.unbilled:
            return claim.account.id if claim is not None and claim.is_dated else None
        return self._claimed(key, claim)

    def _claimed(self, key: str, claim: Owner | None) -> str | None:
        if claim is not None:
            return claim.account.id
        return None if self._tariff.default_plan_in(self._month) is None else KEY_ACCOUNT + key

    def _otherwise(self, key: str, holder: str, claim: Owner | None) -> tuple[str, str] | None:
        """What the tariff says of a key against the account that was billed for it, and what to write."""
        account = self._tariff.accounts.get(holder)
        if account is None:
            return None
        if claim is not None and claim.is_dated and claim.account.id != holder:
            says = f"key {key} was billed to {holder}, and is {claim.account.id}'s by a date in the tariff"
            return says, f"let it be {claim.account.id}'s from a month on that has no invoices"
        is_there = account.validity.holds_in(self._month)
        if is_there and (key in account.keys_in(self._month) or key not in account.keys):
            return None
        says = f"key {key} was billed to {holder}, and is not its by a date in the tariff"
        return says, f"let {holder} and its keys begin before {self._month} and end after it"


def is_reserved(key: str) -> bool:
    """Whether it stands for calls that are never billed."""
    return key == "-" or key.startswith("!")


def _by_line(charges: Iterable[Charge]) -> dict[tuple[str, str], Decimal]:
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for charge in charges:
        sums[charge.line, charge.currency] += charge.amount
    return sums


def _version(
    tariff: Tariff,
    month: Period,
    account: str,
    before: BilledVersion | None,
    now: PlanVersion | NoPrice | None,
) -> PlanVersion | Contradiction | None:
    """By which version an account pays for an earlier month. None: nothing says so."""
    if before is None:
        return now if isinstance(now, PlanVersion) else None
    if now is None:
        return tariff.version_of_digest(before.plan, before.digest) or _gone(month, account, before)
    if isinstance(now, PlanVersion) and now.digest == before.digest:
        return now
    return _other_version(month, account, before, now)


def _is_unchanged(billed: BilledMonth, account: str, used: Iterable[KeyUsage]) -> bool:
    """Whether the calls are those that were billed, so that there is nothing to correct."""
    return billed.charges[account][-1].fingerprint == sum(one.fingerprint for one in used)


def _stated(
    tariff: Tariff, account: str, month: Period, owners: Mapping[str, Owner]
) -> PlanVersion | NoPrice | None:
    """What the tariff says that an account pays by. None: it says nothing about it."""
    try:
        if account in tariff.accounts:
            one = tariff.accounts[account]
            if not one.validity.holds_in(month):
                return NoPrice(f"account {account} is not there in {month}")
            return tariff.version(one.plan_in(month), month)
        key = account.removeprefix(KEY_ACCOUNT)
        plan = tariff.default_plan_in(month)
        if key == account or plan is None or key in owners:
            return None
        return tariff.version(plan, month)
    except NoPrice as no_price:
        return no_price


def _gone(month: Period, account: str, before: BilledVersion) -> Contradiction:
    says = f"it was billed by {_named(before)}, which is in the tariff no more"
    return Contradiction(month, account, says, "put that version back as it was")


def _other_version(
    month: Period, account: str, before: BilledVersion, now: PlanVersion | NoPrice
) -> Contradiction:
    if isinstance(now, NoPrice):
        says = f"it was billed by {_named(before)}, and now {now}"
        return Contradiction(month, account, says, f"let the account and its plan hold in {month}")
    says = f"it was billed by {_named(before)}, and is priced by {_named(now)} now"
    if (now.plan, now.version) == (before.plan, before.version):
        remedy = (
            f"put version {now.version} of plan {now.plan} back as it was, and give other prices a version "
            "with a valid_from of its own"
        )
    else:
        remedy = f"let plan {before.plan} hold in {month}, and {now.plan} from a month on without invoices"
    return Contradiction(month, account, says, remedy)


def _named(version: BilledVersion | PlanVersion) -> str:
    return f"plan {version.plan}, version {version.version} (digest {version.digest})"


def _with_amounts(
    found: Contradiction,
    stated: PlanVersion | NoPrice | None,
    usage: MonthUsage,
    used: Iterable[KeyUsage],
    billed: BilledMonth,
) -> Contradiction:
    """A contradiction with what it would come to, where both can be compared."""
    charges = billed.charges[found.account]
    if not isinstance(stated, PlanVersion) or any(one.currency != stated.currency for one in charges):
        return found
    statement = make_statement(found.account, usage.month, stated, used, usage.query)
    return Contradiction(found.month, found.account, found.says, found.remedy, adjust(statement, charges))
