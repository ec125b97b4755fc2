-- What usage_by_key_and_day gives, in half its time, where each row's hash is that of its id.
--
-- Parameters: first and last year; the months, three of them; first and last day of the partitions as yyyymmdd; the
-- first instant and the first instant after, as texts. A delivery lies in the day of its middle, so that the
-- partitions reach one day further than the times. Years and months are named by themselves because Athena derives
-- from them which folders it lists.
--
-- Rows whose hash occurs once are events of their own; only the others are put in order by their ids. Of an event whose
-- copies have different hashes it would count each: whoever asks sees that no row is altered.
WITH lake AS (
  SELECT
    eventid,
    apikeyid,
    eventtime,
    status,
    billable,
    responsesize,
    requestsize,
    responselatency,
    eventhash,
    responsesizeknown,
    requestsizeknown,
    coalesce(eventhash, -1) AS mark,
    hour(eventtime) + 1 AS hour
  {calls_between}
), repeated AS (
  SELECT mark FROM lake GROUP BY mark HAVING count(*) > 1
), calls AS (
  SELECT
    apikeyid,
    eventtime,
    status,
    billable,
    responsesize,
    requestsize,
    responselatency,
    eventhash,
    responsesizeknown,
    requestsizeknown,
    hour,
    1 AS copy
  FROM lake
  WHERE mark NOT IN (SELECT mark FROM repeated)
  UNION ALL
  SELECT
    apikeyid,
    eventtime,
    status,
    billable,
    responsesize,
    requestsize,
    responselatency,
    eventhash,
    responsesizeknown,
    requestsizeknown,
    hour,
    -- Copies of an event are equal; if they are not, the order still chooses the same one each time.
    {copy_in_order}
  FROM lake
  WHERE mark IN (SELECT mark FROM repeated)
)
{usage_of_days}
