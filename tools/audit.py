"""Derive every invoice amount again: `audit.py LAKE TARIFF INVOICES`. docs/audit.md explains it."""

import json
import sys
from collections import defaultdict
from decimal import Decimal, getcontext
from pathlib import Path

import duckdb
import yaml

USAGE = """SELECT called_in, apikeyid, {'requests': count(*), 'billable': count_if(billable),
  'errors': count_if(status >= 400), 'response_bytes': sum(responsesize), 'request_bytes': sum(requestsize)}
FROM (SELECT DISTINCT ON (called_in, eventid) *, strftime(eventtime, '%Y-%m') AS called_in
  FROM read_parquet(?) WHERE outcome = 'metered' ORDER BY ALL) GROUP BY called_in, apikeyid"""
NO_PRICE = {"prices": [], "rounding": {"digits": "0", "mode": "down"}}
getcontext().prec = 300  # exact until an amount is rounded
used = {row[:2]: row[2] for row in duckdb.execute(USAGE, [f"{sys.argv[1]}/**/*.parquet"]).fetchall()}
tariff = yaml.load(Path(sys.argv[2]).read_text("utf-8"), yaml.BaseLoader)  # noqa: S506 - makes texts only
accounts = tariff.get("accounts", {})
for key in {key for _, key in used}.difference(*(one["keys"] for one in accounts.values())):
    accounts[f"key:{key}"] = {"keys": [key], "plan": tariff.get("default_plan", "")}
left: defaultdict[tuple[str, str, str], Decimal] = defaultdict(Decimal)  # billed, less what is derived
invoices = [json.loads(path.read_text("utf-8")) for path in Path(sys.argv[3]).rglob("*.json")]
for invoice in invoices:
    left[invoice["account"], invoice["id"], ""] += Decimal(invoice["total"])
    for line in invoice["lines"] + invoice["adjustments"]:
        left[invoice["account"], invoice["id"], ""] -= Decimal(line["amount"])
        left[invoice["account"], line["month"], line["line"]] += Decimal(line["amount"])
months = {invoice["period"]["month"] for invoice in invoices}
called = {(a, m) for a in accounts for m in months for key in accounts[a]["keys"] if (m, key) in used}
for account, month in sorted(called | {(account, month) for account, month, line in left if line}):
    plan, since = accounts.setdefault(account, {"keys": [], "plan": ""})["plan"], "valid_from"
    plans = [{"plan": plan, since: ""}] if isinstance(plan, str) else plan
    plan = ["", *(one["plan"] for one in plans if one[since][:7] <= month)][-1]
    terms = tariff | [NO_PRICE, *(v for v in tariff["plans"].get(plan, ()) if v[since][:7] <= month)][-1]
    cent, total = Decimal(10) ** -int(terms["rounding"]["digits"]), Decimal()
    mode = "ROUND_" + terms["rounding"]["mode"].upper()
    for price in terms["prices"]:
        counts = [used.get((month, key), {}).get(price["metric"]) or 0 for key in accounts[account]["keys"]]
        units = -(-max(0, sum(counts) - int(price.get("free_units", 0))) // int(price.get("package_size", 1)))
        zero = price.get("zero_month", terms.get("zero_month"))
        fee = units > 0 or zero in ("first_tier", "lago", "openmeter")
        amount, start = Decimal(), 0
        for tier in price.get("tiers", [{"unit_price": price.get("package_price", 0), **price}]):
            end = min(units, int(tier.get("up_to", units)))
            if start < max(end, 1) and (price["model"] != "volume" or end == units):
                amount += (end - start) * Decimal(tier.get("unit_price", 0)) / int(price.get("per", 1))
                amount, start = amount + fee * Decimal(tier.get("flat_fee", 0)), max(end, 1)
        amount = max(amount, (fee or zero == "minimum") * Decimal(price.get("minimum", 0)))
        amount = min(amount, Decimal(price.get("maximum", amount))).quantize(cent, mode)
        left[account, month, price.get("id", price["metric"])] -= amount
        total += amount
    for bound, further in ("minimum", max), ("maximum", min):
        amount = Decimal(terms.get(bound, total)).quantize(cent, mode) - total
        left[account, month, f"plan:{bound}"] -= further(amount, Decimal())
differing = [f"{ascii(' '.join(one))[1:-1]} differs by {off}" for one, off in sorted(left.items()) if off]
print(*differing, f"{len(invoices)} invoices, {len(left)} amounts, {len(differing)} differ", sep="\n")
sys.exit(bool(differing))
