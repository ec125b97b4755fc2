-- The objects that hold rows of events which another object (or the same) holds already, with the number of such rows.
--
-- Parameters: as for the usage of each key on each day. Of the copies of an event, the one in the object whose name
-- comes first is taken for the original.
{repeated_calls}
SELECT
  object,
  first_object,
  count(*) AS repeated
FROM calls
WHERE copy > 1
GROUP BY object, first_object
ORDER BY repeated DESC, object, first_object
LIMIT 1000
