-- The log events between two times by hour, kind and, of lines that cannot be read, reason; from the lake alone: each
-- event once. The kind is the reserved key, and empty where a key called.
--
-- Parameters: as for the usage of each key on each day. Which copy of an event counts is decided as there.
WITH copies AS (
  SELECT
    apikeyid,
    eventtime,
    status,
    reason,
    {copy_in_order}
  {calls_between}
), events AS (
  SELECT
    date_trunc('hour', eventtime) AS hour,
    CASE WHEN coalesce(apikeyid, '-') IN ('-', '!malformed', '!undecodable') THEN coalesce(apikeyid, '-') ELSE '' END AS kind,
    CASE WHEN apikeyid = '!malformed' THEN coalesce(split_part(reason, ':', 1), '') ELSE '' END AS reason,
    status
  FROM copies
  WHERE copy = 1
)
SELECT
  hour,
  kind,
  reason,
  count(*) AS events,
  count(CASE WHEN status >= 400 THEN 1 END) AS errors
FROM events
GROUP BY hour, kind, reason
ORDER BY hour, kind, reason
