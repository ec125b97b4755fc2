-- The objects that hold rows of events which another object (or the same) holds already, with the number of such rows.
--
-- Parameters: as for the usage of each key on each day. Of the copies of an event, the one in the object whose name
-- comes first is taken for the original.
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
  object,
  first_object,
  count(*) AS repeated
FROM calls
WHERE copy > 1
GROUP BY object, first_object
ORDER BY repeated DESC, object, first_object
LIMIT 1000
