FROM api_gateway_logs
WHERE year BETWEEN ? AND ?
  AND month IN (?, ?, ?)
  AND year * 10000 + month * 100 + day BETWEEN ? AND ?
  AND eventtime >= CAST(? AS timestamp)
  AND eventtime < CAST(? AS timestamp)
