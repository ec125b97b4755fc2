"""Quotas: plans and their limits, and the decision on a call."""
