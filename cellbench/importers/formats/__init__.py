"""One file for each outside format; the name of the file is the name of the format.

A new file in this folder is imported without an edit here.
"""

from pathlib import Path

from cellbench.registry import import_modules

import_modules(__name__, Path(__file__).parent)
