-- The calls of each key between two times by endpoint and status, from the lake alone: each event once.
--
-- Parameters: as for the usage of each key on each day. Which copy of an event counts is decided as there.
WITH copies AS (
  SELECT
    apikeyid,
    httpmethod,
    resourcepath,
    status,
    {copy_in_order}
  {calls_between}
)
SELECT
  coalesce(apikeyid, '-') AS key,
  coalesce(httpmethod, '') AS method,
  coalesce(resourcepath, '') AS route,
  coalesce(status, 0) AS status,
  count(*) AS requests
FROM copies
WHERE copy = 1
GROUP BY coalesce(apikeyid, '-'), coalesce(httpmethod, ''), coalesce(resourcepath, ''), coalesce(status, 0)
ORDER BY key, method, route, status
