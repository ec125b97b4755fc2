-- The events that the lake has between two times: id, key and day of each row.
--
-- Parameters: as for the usage of each key on each day.
SELECT
  eventid,
  coalesce(apikeyid, '-') AS key,
  CAST(eventtime AS date) AS day
{calls_between}
ORDER BY eventid, key, day
