-- The usage of each key on each day between two times, from the lake alone: each event once.
--
-- Parameters: first and last year; the months, three of them; first and last day of the partitions as yyyymmdd; the
-- first instant and the first instant after, as texts. A delivery lies in the day of its middle, so that the
-- partitions reach one day further than the times. Years and months are named by themselves because Athena derives
-- from them which folders it lists.
WITH calls AS (
  SELECT
    apikeyid,
    eventtime,
    status,
    billable,
    responsesize,
    requestsize,
    responselatency,
    eventhash,
    hour(eventtime) + 1 AS hour,
    -- Copies of an event are equal; if they are not, the order still chooses the same one each time.
    {copy_in_order_1}
  {calls_between}
)
{usage_of_days_1}
