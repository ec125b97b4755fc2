"""Lambda: functions and their event source mapping."""
