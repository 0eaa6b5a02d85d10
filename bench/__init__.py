"""The programs: each file with an `app` is a `python -m bench.NAME` and a sub-command of `cellbench`."""
