"""Calls that a path lacks, brought once into lake and counters."""
