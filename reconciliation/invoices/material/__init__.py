"""What a run of invoices works on, in temporary files: accounts in parts, and documents."""
