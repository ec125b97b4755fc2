lower(to_hex(sha256(to_utf8(
  coalesce('eventid:' || CAST(length(eventid) AS varchar) || ':' || eventid, '') ||
  coalesce('eventhash:' || CAST(length(CAST(eventhash AS varchar)) AS varchar) || ':' || CAST(eventhash AS varchar), '') ||
  coalesce('eventtime:' || CAST(length(CAST(date_diff('millisecond', TIMESTAMP '1970-01-01 00:00:00.000', eventtime) AS varchar)) AS varchar) || ':' || CAST(date_diff('millisecond', TIMESTAMP '1970-01-01 00:00:00.000', eventtime) AS varchar), '') ||
  coalesce('apikeyid:' || CAST(length(apikeyid) AS varchar) || ':' || apikeyid, '') ||
  coalesce('outcome:' || CAST(length(outcome) AS varchar) || ':' || outcome, '') ||
  coalesce('billable:' || CAST(length(CAST(billable AS varchar)) AS varchar) || ':' || CAST(billable AS varchar), '') ||
  coalesce('status:' || CAST(length(CAST(status AS varchar)) AS varchar) || ':' || CAST(status AS varchar), '') ||
  coalesce('requestsize:' || CAST(length(CAST(requestsize AS varchar)) AS varchar) || ':' || CAST(requestsize AS varchar), '') ||
  coalesce('responsesize:' || CAST(length(CAST(responsesize AS varchar)) AS varchar) || ':' || CAST(responsesize AS varchar), '') ||
  coalesce('requestsizeknown:' || CAST(length(CAST(requestsizeknown AS varchar)) AS varchar) || ':' || CAST(requestsizeknown AS varchar), '') ||
  coalesce('responsesizeknown:' || CAST(length(CAST(responsesizeknown AS varchar)) AS varchar) || ':' || CAST(responsesizeknown AS varchar), '') ||
  coalesce('responselatency:' || CAST(length(CAST(responselatency AS varchar)) AS varchar) || ':' || CAST(responselatency AS varchar), '') ||
  coalesce('requestid:' || CAST(length(requestid) AS varchar) || ':' || requestid, '') ||
  coalesce('apiid:' || CAST(length(apiid) AS varchar) || ':' || apiid, '') ||
  coalesce('stage:' || CAST(length(stage) AS varchar) || ':' || stage, '') ||
  coalesce('httpmethod:' || CAST(length(httpmethod) AS varchar) || ':' || httpmethod, '') ||
  coalesce('resourcepath:' || CAST(length(resourcepath) AS varchar) || ':' || resourcepath, '') ||
  coalesce('path:' || CAST(length(path) AS varchar) || ':' || path, '') ||
  coalesce('sourceip:' || CAST(length(sourceip) AS varchar) || ':' || sourceip, '') ||
  coalesce('useragent:' || CAST(length(useragent) AS varchar) || ':' || useragent, '') ||
  coalesce('reason:' || CAST(length(reason) AS varchar) || ':' || reason, '') ||
  coalesce('raw:' || CAST(length(raw) AS varchar) || ':' || raw, '') ||
  coalesce('denied:' || CAST(length(CAST(denied AS varchar)) AS varchar) || ':' || CAST(denied AS varchar), '')
))))
