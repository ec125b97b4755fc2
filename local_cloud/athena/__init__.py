"""Athena: the shipped SQL on DuckDB over the lake's objects."""
