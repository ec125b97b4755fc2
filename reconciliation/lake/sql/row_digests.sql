-- The rows of each day between two times, each event once, as one SHA-256 over all of their columns. Malformed lines are
-- left out: nobody is billed for them, and a later reader may make calls of them.
--
-- Parameters: as for the usage of each key on each day. Which copy of an event counts is decided as there; of copies
-- that are equal in what is counted, the one with the lowest hash.
--
-- A row as a text: its columns in this order, each as name:length:value, the length in characters, a time in
-- milliseconds since 1970; a column without a value is left out, so that a column that is added later changes nothing.
-- Its hash is the SHA-256 of that text, in hexadecimal digits. A day's rows are put in the order of their hashes, and
-- in chunks by the first two digits: a chunk's digest is the SHA-256 of its hashes in a row, and the day's that of its
-- chunks' digests in a row. So no engine sorts more than a chunk.
WITH lake AS (
  SELECT
    eventid,
    apikeyid,
    eventtime,
    status,
    billable,
    responsesize,
    requestsize,
    responselatency,
    eventhash,
    {hash_of_row} AS hash
  {calls_between}
    AND "$path" NOT IN ('')
), copies AS (
  SELECT
    CAST(eventtime AS date) AS day,
    hash,
    eventhash,
    coalesce(apikeyid, '-') <> '!malformed'
      AND row_number() OVER (PARTITION BY eventid ORDER BY {order_of_copies_1}, hash) = 1 AS counts
  FROM lake
), chunks AS (
  SELECT
    day,
    substr(hash, 1, 2) AS chunk,
    count(*) AS lake_rows,
    count(CASE WHEN counts THEN 1 END) AS requests,
    coalesce(sum(CASE WHEN counts THEN CAST(eventhash AS decimal(38, 0)) END), CAST(0 AS decimal(38, 0))) AS fingerprint,
    lower(to_hex(sha256(to_utf8(array_join(array_agg(hash ORDER BY hash) FILTER (WHERE counts), ''))))) AS digest
  FROM copies
  GROUP BY day, substr(hash, 1, 2)
)
SELECT
  day,
  sum(lake_rows) AS lake_rows,
  sum(requests) AS requests,
  sum(fingerprint) AS fingerprint,
  lower(to_hex(sha256(to_utf8(array_join(array_agg(digest ORDER BY chunk), ''))))) AS digest
FROM chunks
GROUP BY day
ORDER BY day
