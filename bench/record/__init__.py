"""Everything on disk about a search, and every file name of it."""
