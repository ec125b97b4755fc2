-- The calls of up to twenty keys between two times, from the lake: each event once, with the object that holds it.
--
-- Parameters: as for the usage of each key on each day, then the keys. Which copy of an event counts is decided as
-- there, and before the keys are looked at, so that both queries say the same.
WITH calls AS (
  SELECT
    eventid,
    eventhash,
    coalesce(apikeyid, '-') AS key,
    eventtime,
    status,
    billable,
    responsesize,
    requestsize,
    responselatency,
    responsesizeknown,
    requestsizeknown,
    outcome,
    "$path" AS object,
    row_number() OVER (
      PARTITION BY eventid
      ORDER BY {order_of_copies}, "$path"
    ) AS copy
  {calls_between}
)
SELECT
  eventid,
  eventhash,
  key,
  eventtime,
  status,
  billable,
  responsesize,
  requestsize,
  responselatency,
  {unknown_response_size} AS unknown_response_size,
  {unknown_request_size} AS unknown_request_size,
  outcome,
  object
FROM calls
WHERE copy = 1
  AND key IN (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ORDER BY key, eventtime, eventid
LIMIT 200001
