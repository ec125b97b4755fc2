"""Kinesis Data Streams, and the deliveries of CloudWatch Logs into it."""
