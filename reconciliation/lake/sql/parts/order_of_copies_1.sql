eventtime, apikeyid, status, billable, responsesize, requestsize, responselatency, eventhash
