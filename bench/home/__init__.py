"""Where a user's files are, and what a machine has."""
