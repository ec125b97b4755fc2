-- The objects of the lake with malformed lines that were logged between two times, and how many each has.
--
-- Parameters: as for the usage of each key on each day.
SELECT
  "$path" AS object,
  count(*) AS malformed
{calls_between}
  AND apikeyid = '!malformed'
GROUP BY "$path"
ORDER BY object
