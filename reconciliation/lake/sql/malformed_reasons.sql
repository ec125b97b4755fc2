-- Why lines that were logged between two times are malformed: each reason, the most frequent first.
--
-- Parameters: as for the usage of each key on each day. A line that lies in the lake twice counts once.
SELECT
  coalesce(split_part(reason, ':', 1), 'unknown') AS reason,
  count(DISTINCT eventid) AS lines,
  coalesce(min(reason), '') AS example,
  coalesce(min(substr(raw, 1, 200)), '') AS text
{calls_between}
  AND apikeyid = '!malformed'
GROUP BY coalesce(split_part(reason, ':', 1), 'unknown')
ORDER BY lines DESC, reason
