"""What a reconciliation finds, as values."""
