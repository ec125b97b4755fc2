-- The usage of each key in each hour between two times, from the lake alone: each event once. For one key, or for all.
--
-- Parameters: first and last year; the months, three of them; first and last day of the partitions as yyyymmdd; the
-- first instant and the first instant after, as texts; and twice the key, or an empty text for all keys. Which copy of
-- an event counts is decided as for the days, and before the key is looked at, so that both say the same.
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
  coalesce(apikeyid, '-') AS key,
  date_trunc('hour', eventtime) AS hour,
  count(*) AS requests,
  count(CASE WHEN billable THEN 1 END) AS billable,
  count(CASE WHEN status >= 400 THEN 1 END) AS errors,
  coalesce(sum(responsesize), 0) AS response_bytes,
  coalesce(sum(requestsize), 0) AS request_bytes,
  coalesce(sum(responselatency), 0) AS latency_ms,
  coalesce(sum(CAST(eventhash AS decimal(38, 0))), CAST(0 AS decimal(38, 0))) AS fingerprint,
  count(CASE WHEN {unknown_response_size} THEN 1 END) AS unknown_response_sizes,
  count(CASE WHEN {unknown_request_size} THEN 1 END) AS unknown_request_sizes
FROM copies
WHERE copy = 1
  AND (? = '' OR coalesce(apikeyid, '-') = ?)
GROUP BY coalesce(apikeyid, '-'), date_trunc('hour', eventtime)
ORDER BY key, hour
