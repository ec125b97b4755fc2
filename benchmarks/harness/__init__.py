"""What the measurements share: traffic, contests, figures, tables and plots."""
