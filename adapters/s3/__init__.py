"""The lake's bucket in S3."""
