"""Radius grids, and what is compared with them."""
