"""Trino, the engine that Athena is made of, put together from Maven Central."""
