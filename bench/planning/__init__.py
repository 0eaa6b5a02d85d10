"""Turns the typed options into a checked request."""
