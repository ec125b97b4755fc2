"""Quotas under load and faults."""
