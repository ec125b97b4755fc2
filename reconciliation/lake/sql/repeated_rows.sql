-- The first thousand rows of events that the lake holds already.
--
-- Parameters: as for the usage of each key on each day.
{repeated_calls}
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
