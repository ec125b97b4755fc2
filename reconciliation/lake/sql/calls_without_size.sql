-- How many calls of one key between two times have no known size, from the lake alone: each event once.
--
-- Parameters: as for the calls by hour and status. Which copy of an event counts is decided as there. Rows of long ago
-- do not say whether a size is known: of these it is where there is one.
WITH copies AS (
  SELECT
    apikeyid,
    coalesce(requestsizeknown, requestsize IS NOT NULL) AS has_request_size,
    coalesce(responsesizeknown, responsesize IS NOT NULL) AS has_response_size,
    {copy_in_order}
  {calls_between}
)
SELECT
  count(CASE WHEN NOT has_request_size THEN 1 END) AS without_request_size,
  count(CASE WHEN NOT has_response_size THEN 1 END) AS without_response_size
FROM copies
WHERE copy = 1
  AND coalesce(apikeyid, '-') = ?
