"""From what was typed to a checked request."""
