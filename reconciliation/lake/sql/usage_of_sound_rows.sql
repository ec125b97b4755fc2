-- What usage_by_key_and_day gives, in half its time, where each row's hash is that of its id.
--
-- Parameters: first and last year; the months, three of them; first and last day of the partitions as yyyymmdd; the
-- first instant and the first instant after, as texts. A delivery lies in the day of its first call, so that the
-- partitions reach one day further than the times. Years and months are named by themselves because Athena derives
-- from them which folders it lists.
--
-- Rows whose hash occurs once are events of their own; only the others are put in order by their ids. Of an event whose
-- copies have different hashes it would count each: whoever asks sees that no row is altered.
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
    coalesce(eventhash, -1) AS mark,
    hour(eventtime) + 1 AS hour
  FROM api_gateway_logs
  WHERE year BETWEEN ? AND ?
    AND month IN (?, ?, ?)
    AND year * 10000 + month * 100 + day BETWEEN ? AND ?
    AND eventtime >= CAST(? AS timestamp)
    AND eventtime < CAST(? AS timestamp)
), repeated AS (
  SELECT mark FROM lake GROUP BY mark HAVING count(*) > 1
), calls AS (
  SELECT
    apikeyid,
    eventtime,
    status,
    billable,
    responsesize,
    requestsize,
    responselatency,
    eventhash,
    hour,
    1 AS copy
  FROM lake
  WHERE mark NOT IN (SELECT mark FROM repeated)
  UNION ALL
  SELECT
    apikeyid,
    eventtime,
    status,
    billable,
    responsesize,
    requestsize,
    responselatency,
    eventhash,
    hour,
    -- Copies of an event are equal; if they are not, the order still chooses the same one each time.
    row_number() OVER (
      PARTITION BY eventid
      ORDER BY eventtime, apikeyid, status, billable, responsesize, requestsize, responselatency, eventhash
    ) AS copy
  FROM lake
  WHERE mark IN (SELECT mark FROM repeated)
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
