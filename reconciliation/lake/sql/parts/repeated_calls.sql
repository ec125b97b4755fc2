WITH calls AS (
  SELECT
    eventid,
    coalesce(apikeyid, '-') AS key,
    eventtime,
    "$path" AS object,
    row_number() OVER (PARTITION BY eventid ORDER BY "$path", {order_of_copies}) AS copy,
    min("$path") OVER (PARTITION BY eventid) AS first_object
  {calls_between}
)
