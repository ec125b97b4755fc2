"""Firehose: from the stream by the transform to Parquet objects."""
