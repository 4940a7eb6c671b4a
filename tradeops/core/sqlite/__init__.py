"""Django's SQLite backend with a wait for the write lock that several processes can share (see `base`)."""
