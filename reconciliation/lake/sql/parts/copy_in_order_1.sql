row_number() OVER (
  PARTITION BY eventid
  ORDER BY {order_of_copies_1}
) AS copy
