-- The rows between two times with a value that the meter never writes: no id, a hash that is not that of the id, another
-- outcome than the key has, a size below zero or above all that is read, or one that is unknown. Somebody has changed
-- them.
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
  outcome,
  "$path" AS object
{calls_between}
  AND (
    coalesce(eventid, '') = ''
    OR coalesce(eventhash, -1) <> bitwise_and(from_big_endian_64(xxhash64(to_utf8(eventid))), 9223372036854775807)
    OR coalesce(outcome, '') <> CASE coalesce(apikeyid, '-')
      WHEN '-' THEN 'unattributed'
      WHEN '!malformed' THEN 'malformed'
      WHEN '!undecodable' THEN 'undecodable'
      ELSE 'metered'
    END
    OR billable IS NULL
    OR responsesize NOT BETWEEN 0 AND 1099511627776
    OR requestsize NOT BETWEEN 0 AND 1099511627776
    OR responselatency NOT BETWEEN 0 AND 86400000
    OR (responsesize <> 0 AND NOT responsesizeknown)
    OR (requestsize <> 0 AND NOT requestsizeknown)
  )
ORDER BY key, eventtime, eventid, object, status, billable, responsesize, requestsize, responselatency, eventhash,
  responsesizeknown, requestsizeknown, outcome
LIMIT 10001
