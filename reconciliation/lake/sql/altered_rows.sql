-- The rows between two times whose hash is not that of their id: somebody has changed one of the two.
--
-- Parameters: as for the usage of each key on each day. The hash is that of metering.calls.event_id.
SELECT
  eventid,
  coalesce(eventhash, -1) AS eventhash,
  coalesce(apikeyid, '-') AS key,
  eventtime,
  status,
  billable,
  responsesize,
  requestsize,
  responselatency,
  {unknown_response_size} AS unknown_response_size,
  {unknown_request_size} AS unknown_request_size,
  "$path" AS object
{calls_between}
  AND coalesce(eventhash, -1) <> bitwise_and(from_big_endian_64(xxhash64(to_utf8(eventid))), 9223372036854775807)
ORDER BY key, eventtime, eventid, object, status, billable, responsesize, requestsize, responselatency, eventhash,
  responsesizeknown, requestsizeknown
LIMIT 10001
