NOT coalesce(responsesizeknown, responsesize IS NOT NULL)
