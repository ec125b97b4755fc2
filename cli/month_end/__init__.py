"""Commands of the month end: reconcile, repair, close, rebuild, redrive."""
