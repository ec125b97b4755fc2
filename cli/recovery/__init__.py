"""Bringing calls in that a path lacks."""
