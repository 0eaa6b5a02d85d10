"""Scores of a trained encoder, one file each, and the table of all metrics."""
