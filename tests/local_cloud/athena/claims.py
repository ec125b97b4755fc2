"""What Athena does with expressions, queries and mistakes: the local Athena is held to it, Trino as well."""

from __future__ import annotations

from tests.local_cloud.athena.workshop import Analyst

BIGGEST = 2**63 - 1


def call(
    event_id: str, key: str, time: str, *, status: int, size: int | None, hash_: int
) -> dict[str, object]:
    """A row of the lake."""
    return {
        "eventId": event_id,
        "apiKeyId": key,
        "eventTime": time,
        "status": status,
        "requestSize": 0,
        "responseSize": size,
        "responseLatency": 11,
        "eventHash": hash_,
        "resourcePath": "/v1",
        "billable": status < 500,
    }


def store_six_rows(analyst: Analyst) -> None:
    """Five rows of October (one of them twice), one of November; the key b has bytes unknown."""
    analyst.store(
        "2026-10-30",
        call("e1", "a", "2026-10-30 10:00:00.5", status=200, size=3_000_000, hash_=BIGGEST),
        call("e2", "a", "2026-10-30 23:30:00", status=404, size=1_000_000, hash_=BIGGEST - 1),
    )
    analyst.store(
        "2026-10-31",
        call("e3", "b", "2026-10-31 01:00:00.007", status=500, size=None, hash_=7),
        call("e2", "a", "2026-10-30 23:30:00", status=404, size=1_000_000, hash_=BIGGEST - 1),
    )
    analyst.store(
        "2026-10-31", call("e4", "B", "2026-10-31 23:59:59", status=200, size=5, hash_=1), name="second"
    )
    analyst.store("2026-11-01", call("e5", "a", "2026-11-01 00:00:00", status=200, size=9, hash_=2))


EXPRESSIONS: list[tuple[str, str | None]] = [
    # division
    ("7 / 2", "3"),
    ("-7 / 2", "-3"),
    ("7 / -2", "-3"),
    ("9223372036854775807 / 3", "3074457345618258602"),
    ("7 / 2e0", "3.5"),
    ("7 / CAST(2 AS double)", "3.5"),
    ("CAST(7 AS double) / 0", "Infinity"),
    ("0e0 / 0e0", "NaN"),
    ("-7 % 3", "-1"),
    ("mod(7, 3)", "1"),
    ("CAST(NULL AS bigint) / 2", None),
    ("1 + 6 / 4 * 2", "3"),
    ("100 / (3 / 2)", "100"),
    ("TRY(1 / 0)", None),
    # numbers
    ("1.5 * 2", "3.0"),
    ("1.50", "1.50"),
    ("0.1 + 0.2", "0.3"),
    ("1e10", "1.0E10"),
    ("1234567.5e0", "1234567.5"),
    ("0.00012e0", "1.2E-4"),
    ("round(2.5e0)", "3.0"),
    ("abs(-3)", "3"),
    ("2147483648", "2147483648"),
    ("greatest(1, NULL)", None),
    ("least(3, 2)", "2"),
    # casts
    ("CAST(2.5e0 AS bigint)", "3"),
    ("CAST(-2.5e0 AS bigint)", "-3"),
    ("CAST(2.5 AS integer)", "3"),
    ("CAST('12' AS bigint)", "12"),
    ("CAST(NULL AS bigint)", None),
    ("TRY_CAST('1.5' AS bigint)", None),
    ("TRY_CAST('15' AS bigint)", "15"),
    ("CAST(true AS varchar)", "true"),
    ("CAST(12 AS varchar)", "12"),
    ("CAST(9223372036854775807 AS decimal(38, 0)) + 1", "9223372036854775808"),
    ("CAST(CAST('18446744073709551615' AS decimal(38, 0)) AS varchar)", "18446744073709551615"),
    ("CAST(timestamp '2026-10-31 12:00:00.250' AS varchar)", "2026-10-31 12:00:00.250"),
    ("CAST(timestamp '2026-10-31 12:00:00.25' AS date)", "2026-10-31"),
    # time
    ("date_diff('day', timestamp '2026-10-31 23:00:00', timestamp '2026-11-02 22:00:00')", "1"),
    ("date_diff('day', timestamp '2026-11-02 22:00:00', timestamp '2026-10-31 23:00:00')", "-1"),
    ("date_diff('hour', timestamp '2026-10-31 10:59:00', timestamp '2026-10-31 11:01:00')", "0"),
    ("date_diff('month', date '2026-01-31', date '2026-03-30')", "1"),
    ("date_diff('second', timestamp '2026-10-31 00:00:00', timestamp '2026-10-31 00:01:00')", "60"),
    ("date_diff('day', date '2026-10-01', date '2026-11-01') / 2", "15"),
    ("date_trunc('hour', timestamp '2026-10-31 12:34:56.789')", "2026-10-31 12:00:00.000"),
    ("date_trunc('month', date '2026-10-31')", "2026-10-01"),
    ("date_trunc('week', timestamp '2026-11-01 12:00:00')", "2026-10-26 00:00:00.000"),
    ("date_add('day', 1, date '2026-10-31')", "2026-11-01"),
    ("date_add('month', 1, timestamp '2026-10-31 05:00:00')", "2026-11-30 05:00:00.000"),
    ("date '2026-10-31' + interval '1' day", "2026-11-01"),
    ("timestamp '2026-10-31 12:00:00.123' - interval '1' hour", "2026-10-31 11:00:00.123"),
    ("to_unixtime(timestamp '2026-10-31 12:00:00')", "1.793448E9"),
    ("to_unixtime(timestamp '1970-01-01 00:00:07') / 2", "3.5"),
    ("from_unixtime(1793448000)", "2026-10-31 12:00:00.000 UTC"),
    ("from_unixtime(1793448000123 / 1000)", "2026-10-31 12:00:00.000 UTC"),
    ("from_unixtime(1793448000123 / 1000e0)", "2026-10-31 12:00:00.123 UTC"),
    ("from_unixtime(1793448000) = timestamp '2026-10-31 12:00:00'", "true"),
    ("from_iso8601_timestamp('2026-10-31T12:00:00Z')", "2026-10-31 12:00:00.000 UTC"),
    ("date_format(timestamp '2026-10-31 12:04:05', '%Y-%m-%d %H:%i:%s')", "2026-10-31 12:04:05"),
    ("date_parse('2026-10-31', '%Y-%m-%d')", "2026-10-31 00:00:00.000"),
    ("year(date '2026-10-31') * 100 + month(date '2026-10-31')", "202610"),
    ("extract(hour FROM timestamp '2026-10-31 12:00:00')", "12"),
    ("timestamp '2026-10-31 00:00:00.9' > date '2026-10-31'", "true"),
    ("date(timestamp '2026-10-31 12:00:00')", "2026-10-31"),
    # text
    ("'a' || NULL", None),
    ("concat('a', 'b')", "ab"),
    ("concat('a', NULL)", None),
    ("substr('abcdef', 2, 3)", "bcd"),
    ("strpos('abc', 'c')", "3"),
    ("split_part('a/b/c', '/', 2)", "b"),
    ("upper('aé')", "AÉ"),
    ("length('é€')", "2"),
    ("'abc' LIKE 'A%'", "false"),
    ("'a_c' LIKE 'a\\_c' ESCAPE '\\'", "true"),
    ("regexp_like('v1/calls', '^v[0-9]+/')", "true"),
    ("'it''s'", "it's"),
    # the rest
    ("if(1 > 2, 'x')", None),
    ("CASE WHEN 1 = 1 THEN 1 ELSE 2.5 END", "1.0"),
    ("coalesce(NULL, 3)", "3"),
    ("nullif(3, 3)", None),
    ("NULL = NULL", None),
    ("1 IS NOT DISTINCT FROM NULL", "false"),
    ("3 IN (1, 2, NULL)", None),
    ("(SELECT 5)", "5"),
    ("EXISTS (SELECT 1 WHERE false)", "false"),
]
"""Expressions and what Athena prints for them: each differs, or is feared to differ, between two engines."""

QUERIES: list[tuple[str, list[list[str | None]]]] = [
    ("SELECT count(*), count(responsesize), count(DISTINCT eventid) FROM {}", [["6", "5", "5"]]),
    (
        "SELECT sum(CAST(eventhash AS decimal(38, 0))) FROM {} WHERE year = 2026 AND month = 10",
        [[str(3 * BIGGEST - 2 + 8)]],
    ),
    ("SELECT sum(status) FROM {} WHERE status < 0", [[None]]),
    ("SELECT sum(status) FILTER (WHERE billable), count_if(NOT billable) FROM {}", [["1408", "1"]]),
    ("SELECT count_if(requestsize > 0), count_if(CAST(NULL AS boolean)) FROM {}", [["0", "0"]]),
    ("SELECT count_if(status > 0) FROM {} WHERE status < 0", [["0"]]),
    ("SELECT count_if(CAST(NULL AS boolean)) OVER () FROM {} WHERE eventid = 'e1'", [["0"]]),
    ("SELECT sum(responselatency) / count(*), avg(responselatency) FROM {}", [["11", "11.0"]]),
    (
        "SELECT min(eventtime), max(eventtime) FROM {} WHERE day = 31",
        [["2026-10-30 23:30:00.000", "2026-10-31 23:59:59.000"]],
    ),
    ("SELECT max_by(eventid, eventtime), min_by(eventid, eventtime) FROM {}", [["e5", "e1"]]),
    ("SELECT bool_or(billable), bool_and(billable) FROM {}", [["true", "false"]]),
    (
        "SELECT apikeyid, count(*) c FROM {} GROUP BY 1 HAVING count(*) > 1 ORDER BY c",
        [["a", "4"]],
    ),
    ("SELECT APIKEYID FROM {} WHERE ApiKeyId = 'B'", [["B"]]),
    (
        (
            "SELECT date_trunc('day', eventtime), count(*) FROM {} "
            "GROUP BY date_trunc('day', eventtime) ORDER BY 1"
        ),
        [
            ["2026-10-30 00:00:00.000", "3"],
            ["2026-10-31 00:00:00.000", "2"],
            ["2026-11-01 00:00:00.000", "1"],
        ],
    ),
    (
        """WITH once AS (
             SELECT *, row_number() OVER (PARTITION BY eventid ORDER BY eventtime, day) AS copy FROM {}
             WHERE eventtime >= timestamp '2026-10-01 00:00:00'
               AND eventtime < timestamp '2026-11-01 00:00:00'
           )
           SELECT apiKeyId, date(eventtime) AS d, count(*) AS n,
             sum(CAST(eventhash AS decimal(38, 0))) AS f
           FROM once WHERE copy = 1 GROUP BY apiKeyId, date(eventtime) ORDER BY 1, 2""",
        [
            ["B", "2026-10-31", "1", "1"],
            ["a", "2026-10-30", "2", str(2 * BIGGEST - 1)],
            ["b", "2026-10-31", "1", "7"],
        ],
    ),
    (
        ("SELECT sum(status) OVER (ORDER BY eventtime, day) FROM {} WHERE apikeyid = 'a' ORDER BY 1 LIMIT 2"),
        [["200"], ["604"]],
    ),
    ("SELECT lag(eventid) OVER (ORDER BY eventid) FROM {} WHERE day = 1", [[None]]),
    (
        "SELECT eventid FROM {} ORDER BY responsesize, eventid DESC",
        [["e4"], ["e5"], ["e2"], ["e2"], ["e1"], ["e3"]],
    ),
    ("SELECT DISTINCT billable FROM {} ORDER BY billable DESC", [["true"], ["false"]]),
    ("SELECT eventid FROM {} ORDER BY eventid OFFSET 2 LIMIT 1", [["e2"]]),
    (
        (
            "SELECT a.eventid FROM {} a JOIN {} b ON a.eventid = b.eventid AND a.day = b.day - 1 "
            "WHERE a.day = 30"
        ),
        [["e2"]],
    ),
    (
        (
            "SELECT x.k, t.eventid FROM (VALUES ('b'), ('z')) AS x (k) "
            "LEFT JOIN {} t ON t.apikeyid = x.k ORDER BY 1"
        ),
        [["b", "e3"], ["z", None]],
    ),
    ("SELECT eventid FROM {} WHERE day = 1 UNION ALL SELECT 'x' ORDER BY 1", [["e5"], ["x"]]),
    (
        ("SELECT (SELECT count(*) FROM {} b WHERE b.apikeyid = a.apikeyid) FROM {} a WHERE a.eventid = 'e3'"),
        [["1"]],
    ),
    ("SELECT year, month, day FROM {} WHERE eventid = 'e5'", [["2026", "11", "1"]]),
    ("SELECT count(*) FROM usage_meter.api_gateway_logs", [["6"]]),
    ('SELECT count(*) FROM "AwsDataCatalog"."usage_meter"."api_gateway_logs"', [["6"]]),
]
"""Queries of the lake (its table is written `{}`), and their rows."""

REFUSED: list[tuple[str, str]] = [
    ("SELECT nope FROM {}", "COLUMN_NOT_FOUND: line 1:8: Column 'nope' cannot be resolved"),
    (
        "SELECT count(*)\nFROM {}\nWHERE Nope = 1",
        "COLUMN_NOT_FOUND: line 3:7: Column 'nope' cannot be resolved",
    ),
    ("SELECT t.nope FROM {} t", "COLUMN_NOT_FOUND: line 1:10: Column 'nope' cannot be resolved"),
    ("SELECT apikeyid AS k FROM {} WHERE k = 'a'", "COLUMN_NOT_FOUND: line 1:"),
    ("SELECT apikeyid AS k, count(*) FROM {} GROUP BY k", "COLUMN_NOT_FOUND: line 1:"),
    (
        "SELECT 1 FROM nowhere",
        "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.usage_meter.nowhere' does not exist",
    ),
    (
        "SELECT 1 FROM other.{}",
        "TABLE_NOT_FOUND: line 1:21: Table 'awsdatacatalog.other.api_gateway_logs' does not exist",
    ),
    ("SELECT 1 FROM mysql.usage_meter.{}", "TABLE_NOT_FOUND"),
    ("SELECT status FROM {} GROUP BY apikeyid", "EXPRESSION_NOT_AGGREGATE"),
    ("SELECT 1 / 0", "DIVISION_BY_ZERO: Division by zero"),
    ("SELECT status / (day - day) FROM {}", "DIVISION_BY_ZERO: Division by zero"),
    ("SELECT 5 % 0", "DIVISION_BY_ZERO: Division by zero"),
    ("SELECT sum(eventhash) FROM {}", "NUMERIC_VALUE_OUT_OF_RANGE"),
    ("SELECT eventhash + 1 FROM {} WHERE eventid = 'e1'", "NUMERIC_VALUE_OUT_OF_RANGE"),
    ("SELECT CAST('1.5' AS bigint)", "INVALID_CAST_ARGUMENT: Cannot cast '1.5' to bigint"),
    ("SELECT CAST('' AS integer)", "INVALID_CAST_ARGUMENT: Cannot cast '' to integer"),
    ("SELECT CAST('soon' AS timestamp)", "INVALID_CAST_ARGUMENT"),
    (
        "SELECT count(*) FROM {} WHERE year = '2026'",
        "TYPE_MISMATCH: Cannot apply operator: integer = varchar",
    ),
    (
        "SELECT count(*) FROM {} WHERE eventtime >= '2026-10-01'",
        "TYPE_MISMATCH: Cannot apply operator: timestamp >= varchar",
    ),
    ("SELECT count(*) FROM {} WHERE status IN (200, '404')", "TYPE_MISMATCH"),
    ("SELECT count(*) FROM {} WHERE status BETWEEN '2' AND 3", "TYPE_MISMATCH"),
    ("SELECT count(*) FROM {} WHERE billable = 1", "TYPE_MISMATCH"),
]
"""Queries that Athena fails, with its code, and its words where they are known."""
