"""How `docs/radius.md` was measured: the trained grid over radii, and every route to r_max held against it.

Programs for those who doubt or extend the figures; a user's own data set is served by `bench.radius` and
`bench.search`.
"""
