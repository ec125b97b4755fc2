"""Derive the digests of billed rows: `audit_rows.py LAKE CLOSINGS`. docs/audit.md explains it."""

import json
import sys
from hashlib import sha256
from itertools import groupby
from pathlib import Path

import duckdb

COLUMNS = """eventid eventhash eventtime apikeyid outcome billable status requestsize responsesize
  requestsizeknown responsesizeknown responselatency requestid apiid stage httpmethod resourcepath
  path sourceip useragent reason raw denied"""
VALUES = {one: f"{one}::text" for one in COLUMNS.split()} | {"eventtime": "epoch_ms(eventtime)::text"}
TEXT = " || ".join(f"coalesce('{one}:' || length({v}) || ':' || {v}, '')" for one, v in VALUES.items())
ROWS = f"""SELECT strftime(eventtime, '%Y-%m-%d') AS day, sha256({TEXT}) AS hash
FROM read_parquet(?, union_by_name = true, hive_partitioning = false) WHERE strftime(eventtime, '%Y-%m') = ?
QUALIFY row_number() OVER (PARTITION BY eventid ORDER BY eventtime, apikeyid, status, billable, responsesize,
  requestsize, responselatency, eventhash, hash) = 1 AND coalesce(apikeyid, '-') <> '!malformed'
ORDER BY day, hash"""  # noqa: S608 - of names that are written above
lake, closings = map(Path, sys.argv[1:3])
days, differing = 0, []
for path in sorted(closings.glob("*.json")):
    sealing = json.loads(path.read_text("utf-8"))
    if not sealing.get("objects"):
        print(f"{sealing['month']}: sealed without digests of rows")
        continue
    names = closings.joinpath(*sealing["objects"].split("/")[1:]).read_text("utf-8").splitlines()
    files = [lake / json.loads(name).split("/lake/", 1)[1] for name in names]
    differing += [f"{file} is missing" for file in files if not file.exists()]
    there, now = [str(file) for file in files if file.exists()], {}
    rows = duckdb.execute(ROWS, [there, sealing["month"]]) if there else duckdb.execute("SELECT 1 LIMIT 0")
    for day, of_day in groupby(iter(rows.fetchone, None), lambda row: row[0]):
        count, digest = 0, sha256()
        for _, chunk in groupby(of_day, lambda row: row[1][:2]):
            hashes = [row[1] for row in chunk]
            count += len(hashes)
            digest.update(sha256("".join(hashes).encode()).hexdigest().encode())
        now[day] = {"rows": count, "sha256": digest.hexdigest()}
    of_month = sorted(sealing["days"].keys() | now)
    differing += [f"the rows of {one} differ" for one in of_month if sealing["days"].get(one) != now.get(one)]
    days += len(of_month)
print(*differing, f"{days} days, {len(differing)} differ", sep="\n")
sys.exit(bool(differing))
