-- The rows between two times whose event has rows that differ in what is counted or kept of it: only one of them counts.
--
-- Parameters: as for the usage of each key on each day. Which copy of an event counts is decided as there: the first.
WITH copies AS (
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
    {unknown_response_size} AS unknown_response_size,
    {unknown_request_size} AS unknown_request_size,
    outcome,
    "$path" AS object,
    row_number() OVER (
      PARTITION BY eventid
      ORDER BY {order_of_copies}, outcome, "$path"
    ) AS copy,
    coalesce(CAST(date_diff('millisecond', TIMESTAMP '1970-01-01 00:00:00.000', eventtime) AS varchar), '') || ' ' ||
    coalesce(apikeyid, '-') || ' ' ||
    coalesce(CAST(status AS varchar), '') || ' ' ||
    coalesce(CAST(billable AS varchar), '') || ' ' ||
    coalesce(CAST(responsesize AS varchar), '') || ' ' ||
    coalesce(CAST(requestsize AS varchar), '') || ' ' ||
    coalesce(CAST(responselatency AS varchar), '') || ' ' ||
    coalesce(CAST(eventhash AS varchar), '') || ' ' ||
    CAST({unknown_response_size} AS varchar) || ' ' ||
    CAST({unknown_request_size} AS varchar) || ' ' ||
    coalesce(outcome, '') AS counted
  {calls_between}
    AND eventid <> ''
), compared AS (
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
    unknown_response_size,
    unknown_request_size,
    outcome,
    object,
    copy,
    min(counted) OVER (PARTITION BY eventid) AS lowest,
    max(counted) OVER (PARTITION BY eventid) AS highest
  FROM copies
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
  unknown_response_size,
  unknown_request_size,
  outcome,
  object
FROM compared
WHERE lowest <> highest
ORDER BY eventid, copy
LIMIT 10001
