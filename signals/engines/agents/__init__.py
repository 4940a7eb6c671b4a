"""Engine B's agents; each one file and one line in settings.AGENTS."""
