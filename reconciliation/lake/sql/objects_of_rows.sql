-- The objects that hold rows between two times, with the number of such rows.
--
-- Parameters: as for the usage of each key on each day.
SELECT
  "$path" AS object,
  count(*) AS lake_rows
{calls_between}
GROUP BY "$path"
ORDER BY object
