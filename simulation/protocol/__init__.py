"""The counting protocol under faults: worlds that are drawn from a seed."""
