"""Counters corrected by the lake, or rebuilt from it."""
