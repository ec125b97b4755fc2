-- The calls of one key between two times, from the lake alone: each event once, by hour and status.
--
-- Parameters: first and last year; the months, three of them; first and last day of the partitions as yyyymmdd; the
-- first instant and the first instant after, as texts; and the key. Which copy of an event counts is decided as in the
-- reconciliation, and before the key is looked at, so that both say the same.
WITH copies AS (
  SELECT
    apikeyid,
    eventtime,
    status,
    billable,
    responsesize,
    requestsize,
    responselatency,
    eventhash,
    responsesizeknown,
    requestsizeknown,
    {copy_in_order}
  {calls_between}
)
SELECT
  date_trunc('hour', eventtime) AS hour,
  coalesce(status, 0) AS status,
  coalesce(billable, false) AS billable,
  min(eventtime) AS first_at,
  max(eventtime) AS last_at,
  count(*) AS lake_rows,
  count(CASE WHEN copy = 1 THEN 1 END) AS requests,
  coalesce(sum(CASE WHEN copy = 1 THEN responsesize END), 0) AS response_bytes,
  coalesce(sum(CASE WHEN copy = 1 THEN requestsize END), 0) AS request_bytes,
  coalesce(sum(CASE WHEN copy = 1 THEN responselatency END), 0) AS latency_ms,
  coalesce(sum(CASE WHEN copy = 1 THEN CAST(eventhash AS decimal(38, 0)) END), CAST(0 AS decimal(38, 0))) AS fingerprint,
  count(CASE WHEN copy = 1 AND {unknown_response_size} THEN 1 END) AS unknown_response_sizes,
  count(CASE WHEN copy = 1 AND {unknown_request_size} THEN 1 END) AS unknown_request_sizes
FROM copies
WHERE coalesce(apikeyid, '-') = ?
GROUP BY date_trunc('hour', eventtime), coalesce(status, 0), coalesce(billable, false)
ORDER BY hour, status
