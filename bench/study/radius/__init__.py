"""Grids of trainings over the radius, and the programs that compare other routes to r_max with them."""
