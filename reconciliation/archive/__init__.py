"""The archive: counters of the days of sealed months leave the table, and come back."""
