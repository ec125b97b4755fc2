NOT coalesce(requestsizeknown, requestsize IS NOT NULL)
