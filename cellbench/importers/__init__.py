"""Reading images in outside formats: one file for each format.

To add a format, write one file beside `folder.py` with a function from a path and options to a `Manifest`, register
it in `IMPORTERS`, import it below, and add a maker of sixty patches to `test_importer_conformance.py` in
`tests/importers/`. Images that are not files (one array in an archive, say) bring their own `ImageReader`. Another
package registers an `Importer` under the entry points `cellbench.importers`.
"""

from cellbench.importers.build import Imported, import_patch_set
from cellbench.importers.formats import csv, folder, masks, voc  # noqa: F401 (each registers itself)
from cellbench.importers.manifest import IMPORTERS, Importer, Manifest
from cellbench.importers.options import ImportOptions

__all__ = ["IMPORTERS", "ImportOptions", "Imported", "Importer", "Manifest", "import_patch_set"]
