"""Programs that produce the tables of `docs/radius.md` and `docs/marrow.md`.

They serve readers who check or extend those figures. For a data set of your own use `bench.radius` and `bench.search`.
"""
