-- The rows of some events, whatever time they say, in the partitions of a month and a day around it.
--
-- Parameters: the partitions of the usage of each key on each day, without the times. The event hashes take the place of
-- the one below.
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
  "$path" AS object
FROM api_gateway_logs
WHERE year BETWEEN ? AND ?
  AND month IN (?, ?, ?)
  AND year * 10000 + month * 100 + day BETWEEN ? AND ?
  AND eventhash IN (-1)
ORDER BY eventhash, eventtime, key, object
LIMIT 20001
