"""Everything that a search has on disk, and all names of its files."""
