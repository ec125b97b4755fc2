"""API Gateway in front of the look-up function."""
