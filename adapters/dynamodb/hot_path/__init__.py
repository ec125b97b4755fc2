"""Requests to DynamoDB without boto3, for the stream processor's many small conditional writes."""
