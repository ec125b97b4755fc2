-- The usage of each key on each day between two times, from the lake alone: each event once.
--
-- Parameters: first and last year; the months, three of them; first and last day of the partitions as yyyymmdd; the
-- first instant and the first instant after, as texts. A delivery lies in the day of its first call, so that the
-- partitions reach one day further than the times. Years and months are named by themselves because Athena derives
-- from them which folders it lists.
WITH calls AS (
  SELECT
    apikeyid,
    eventtime,
    status,
    billable,
    responsesize,
    requestsize,
    responselatency,
    eventhash,
    hour(eventtime) + 1 AS hour,
    -- Copies of an event are equal; if they are not, the order still chooses the same one each time.
    row_number() OVER (
      PARTITION BY eventid
      ORDER BY eventtime, apikeyid, status, billable, responsesize, requestsize, responselatency, eventhash
    ) AS copy
  FROM api_gateway_logs
  WHERE year BETWEEN ? AND ?
    AND month IN (?, ?, ?)
    AND year * 10000 + month * 100 + day BETWEEN ? AND ?
    AND eventtime >= CAST(? AS timestamp)
    AND eventtime < CAST(? AS timestamp)
)
SELECT
  coalesce(apikeyid, '-') AS key,
  CAST(eventtime AS date) AS day,
  count(*) AS lake_rows,
  -- The eleventh power of each call's hour, counted from 1: the weight that the counters' hours have, too.
  coalesce(sum(CASE WHEN copy = 1 THEN
    CAST(hour * hour * hour * hour * hour * hour * hour * hour * hour * hour * hour AS decimal(38, 0))
  END), CAST(0 AS decimal(38, 0))) AS hours,
  count(CASE WHEN copy = 1 THEN 1 END) AS requests,
  count(CASE WHEN copy = 1 AND billable THEN 1 END) AS billable,
  count(CASE WHEN copy = 1 AND status >= 400 THEN 1 END) AS errors,
  coalesce(sum(CASE WHEN copy = 1 THEN responsesize END), 0) AS response_bytes,
  coalesce(sum(CASE WHEN copy = 1 THEN requestsize END), 0) AS request_bytes,
  coalesce(sum(CASE WHEN copy = 1 THEN responselatency END), 0) AS latency_ms,
  coalesce(sum(CASE WHEN copy = 1 THEN CAST(eventhash AS decimal(38, 0)) END), CAST(0 AS decimal(38, 0))) AS fingerprint
FROM calls
GROUP BY coalesce(apikeyid, '-'), CAST(eventtime AS date)
ORDER BY key, day
