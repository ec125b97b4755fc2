SELECT
  coalesce(apikeyid, '-') AS key,
  CAST(eventtime AS date) AS day,
  count(*) AS lake_rows,
  -- The eleventh power of each call's hour, counted from 1: the weight that the counters' hours have, too.
  coalesce(sum(CASE WHEN copy = 1 THEN
    CAST(hour * hour * hour * hour * hour * hour * hour * hour * hour * hour * hour AS decimal(38, 0))
  END), CAST(0 AS decimal(38, 0))) AS hours,
  count(CASE WHEN copy = 1 THEN 1 END) AS requests,
  count(CASE WHEN copy = 1 AND billable THEN 1 END) AS billable,
  count(CASE WHEN copy = 1 AND status >= 400 THEN 1 END) AS errors,
  coalesce(sum(CASE WHEN copy = 1 THEN responsesize END), 0) AS response_bytes,
  coalesce(sum(CASE WHEN copy = 1 THEN requestsize END), 0) AS request_bytes,
  coalesce(sum(CASE WHEN copy = 1 THEN responselatency END), 0) AS latency_ms,
  coalesce(sum(CASE WHEN copy = 1 THEN CAST(eventhash AS decimal(38, 0)) END), CAST(0 AS decimal(38, 0))) AS fingerprint,
  count(CASE WHEN copy = 1 AND {unknown_response_size} THEN 1 END) AS unknown_response_sizes,
  count(CASE WHEN copy = 1 AND {unknown_request_size} THEN 1 END) AS unknown_request_sizes
FROM calls
GROUP BY coalesce(apikeyid, '-'), CAST(eventtime AS date)
ORDER BY key, day
