"""Daily prices and headlines for analysis; each source one file and one line in settings.HISTORY_SOURCES."""
