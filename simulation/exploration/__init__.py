"""Every schedule of a small world, in place of random schedules of large ones. Start at :mod:`.search`."""
