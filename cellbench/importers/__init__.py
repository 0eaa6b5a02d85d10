"""Importers of images in outside formats: one file for each format.

To add a format, write one file in `formats/`. It contains a function that returns a `Manifest` for a path and options,
and a function that writes a small example in the format. The file registers both in `IMPORTERS` as an `Importer`; no
other file needs an edit. The conformance suite `cellbench.testing.ImporterConformance` then tests the format.

A format whose images are not files, for example one array of all patches, provides its own `ImageReader`.
Another package adds an `Importer` through the entry-point group `cellbench.importers`.
"""

from pathlib import Path

from cellbench.importers.build import Imported, import_patch_set
from cellbench.importers.manifest import IMPORTERS, Importer, Manifest
from cellbench.importers.options import ImportOptions
from cellbench.registry import import_modules

__all__ = ["IMPORTERS", "ImportOptions", "Imported", "Importer", "Manifest", "import_patch_set"]

import_modules("cellbench.importers.formats", Path(__file__).parent / "formats")
