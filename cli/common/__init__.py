"""What the commands share: the way to a stack and its services."""
