"""Everything that a search has on disk, and all names of its files.

`bench.record.load(SEARCH)` returns its trials as a data frame.
"""

from bench.record.frame import describe, load

__all__ = ["describe", "load"]
