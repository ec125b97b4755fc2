"""The command `usage-meter`: a module for each sub-command, registered in :mod:`cli.main`."""
