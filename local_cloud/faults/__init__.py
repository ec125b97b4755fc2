"""Faults that a local cloud can meet, drawn from a seed."""
