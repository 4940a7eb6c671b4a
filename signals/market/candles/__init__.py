"""Where bars come from; each source one file and one line in settings.BAR_SOURCES."""
