"""Derive every invoice amount again: `audit.py LAKE TARIFF INVOICES`. docs/audit.md explains it."""

import json
import sys
from collections import defaultdict
from decimal import Decimal, getcontext
from pathlib import Path
from typing import Any

import duckdb
from yaml import BaseLoader, load

USAGE = """SELECT called_in, apikeyid, {'requests': count(*), 'billable': count_if(billable),
  'errors': count_if(status >= 400), 'response_bytes': sum(responsesize), 'request_bytes': sum(requestsize)}
FROM (SELECT DISTINCT ON (called_in, eventid) *, strftime(eventtime, '%Y-%m') called_in FROM read_parquet(?)
  ORDER BY eventtime, apikeyid, status, billable, responsesize, requestsize, responselatency, eventhash)
WHERE outcome = 'metered' GROUP BY called_in, apikeyid"""
getcontext().prec, NONE = 300, {"currency": "", "prices": [], "rounding": {"digits": "0", "mode": "down"}}
used = {row[:2]: row[2] for row in duckdb.execute(USAGE, [f"{sys.argv[1]}/**/*.parquet"]).fetchall()}
tariff = load(Path(sys.argv[2]).read_bytes().replace(b"valid_", b""), BaseLoader)  # noqa: S506 - texts only


def in_month(month: str, dated: Any) -> list[Any]:  # those of dated things that hold then
    return [one for one in dated if one.get("from", "")[:7] <= month < one.get("until", "~")[:7]]


left, payer = defaultdict[Any, Decimal](Decimal), dict[Any, str]()  # left: billed, less what is derived
keys_of, billed, slack = defaultdict[Any, list[Any]](list), dict[Any, tuple[str, int]](), dict[Any, Decimal]()
documents = [json.loads(path.read_text("utf-8")) for path in Path(sys.argv[3]).rglob("*.json")]
invoices = sorted((one for one in documents if "lines" in one), key=lambda one: one["period"]["month"])
for invoice in invoices:
    account, month, digits = invoice["account"], invoice["period"]["month"], invoice["rounding"]["digits"]
    named = invoice.get("adjusted_keys", {}) | {month: [one["key"] for one in invoice["keys"]]}
    payer |= {(month, key): account for month in named for key in named[month]}
    total, net = Decimal(invoice["total"]), defaultdict[str, Decimal](Decimal)
    for line in invoice["lines"] + invoice["adjustments"]:
        plan, fewest = line["price_version"]["plan"], billed.get((account, line["month"]), ("", digits))[1]
        billed[account, line["month"]] = plan, min(fewest, digits)
        payer.setdefault((line["month"], account[4:] if account[:4] == "key:" else ""), account)
        net[line["month"]] += Decimal(line["amount"])
        left[account, line["month"], line["line"], invoice["currency"]] += Decimal(line["amount"])
    left[account, invoice["id"], "total"] += total - sum(net.values())
    left[account, invoice["id"], "due"] += Decimal(invoice.get("amount_due", total)) - total
    for tax in invoice.get("tax", []):
        exact = Decimal(tax["percent"]) / 100 * sum(net[one] for one in tax["months"])
        left[account, invoice["id"], "due"] -= exact.quantize(Decimal(10) ** -digits, "ROUND_HALF_UP")
nobodys = {(m, key) for one in documents if "lines" not in one for m in one["keys"] for key in one["keys"][m]}
for month, key in used.keys() & payer.keys():  # those with calls, by account and month
    keys_of[payer[month, key], month].append((month, key))
for month, key in {one for one in used if one[0] in {month for _, month in billed}} - payer.keys() - nobodys:
    left[key, month, "on no invoice,"] -= used[month, key]["requests"]
for (account, month), (plan, digits) in sorted(billed.items()):
    stated = tariff.get("accounts", {}).get(account, {}).get("plan", plan)
    plans = [{"plan": plan}, *(in_month(month, stated) if isinstance(stated, list) else [{"plan": stated}])]
    terms = tariff | [NONE, *in_month(month, tariff["plans"].get(plans[-1]["plan"], []))][-1]
    cent, total = Decimal(10) ** -int(terms["rounding"]["digits"]), Decimal()
    mode = "ROUND_" + terms["rounding"]["mode"].upper()
    for price in terms["prices"]:
        units = sum(used[one][price["metric"]] or 0 for one in keys_of[account, month])
        units = -(-max(0, units - int(price.get("free_units", 0))) // int(price.get("package_size", 1)))
        zero = price.get("zero_month", terms.get("zero_month"))
        fee, amount, start = units > 0 or zero in ("first_tier", "lago", "openmeter"), Decimal(), 0
        for tier in price.get("tiers", [{"unit_price": price.get("package_price", 0), **price}]):
            end = min(units, int(tier.get("up_to", units)))
            if start < max(end, 1) and (price["model"] != "volume" or end == units):
                amount += (end - start) * Decimal(tier.get("unit_price", 0)) / int(price.get("per", 1))
                amount, start = amount + fee * Decimal(tier.get("flat_fee", 0)), max(end, 1)
        amount = max(amount, (fee or zero == "minimum") * Decimal(price.get("minimum", 0)))
        amount = min(amount, Decimal(price.get("maximum", amount))).quantize(cent, mode)
        left[account, month, price.get("id", price["metric"]), terms["currency"]] -= amount
        total += amount
    for bound, further in ("minimum", max), ("maximum", min):
        amount = Decimal(terms.get(bound, total)).quantize(cent, mode) - total
        left[account, month, f"plan:{bound}", terms["currency"]] -= further(amount, Decimal())
    slack[account, month] = Decimal(10) ** -digits * (Decimal(10) ** -digits > cent)  # of coarser documents
differing = [f"{ascii(' '.join(one[:3]))[1:-1]} differs by {off}" for one, off in sorted(left.items())
             if 2 * abs(off) > slack.get(one[:2], 0)]  # fmt: skip
print(*differing, f"{len(invoices)} invoices, {len(left)} amounts, {len(differing)} differ", sep="\n")
sys.exit(bool(differing))
