"""The Lambda function between Firehose and the lake: deliveries become rows."""
