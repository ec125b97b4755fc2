-- The first thousand rows of events that the lake holds already.
--
-- Parameters: as for the usage of each key on each day.
WITH calls AS (
  SELECT
    eventid,
    coalesce(apikeyid, '-') AS key,
    eventtime,
    "$path" AS object,
    row_number() OVER (PARTITION BY eventid ORDER BY "$path", eventtime, apikeyid, status, billable, responsesize, requestsize, responselatency, eventhash) AS copy,
    min("$path") OVER (PARTITION BY eventid) AS first_object
  FROM api_gateway_logs
  WHERE year BETWEEN ? AND ?
    AND month IN (?, ?, ?)
    AND year * 10000 + month * 100 + day BETWEEN ? AND ?
    AND eventtime >= CAST(? AS timestamp)
    AND eventtime < CAST(? AS timestamp)
)
SELECT
  eventid,
  key,
  eventtime,
  object,
  first_object
FROM calls
WHERE copy > 1
ORDER BY key, eventtime, eventid, object
LIMIT 1000
