"""Reading images in outside formats: one file for each format."""

from cellbench.importers import csv, folder, masks, voc  # noqa: F401 (each registers itself)
from cellbench.importers.build import Imported, import_patch_set
from cellbench.importers.options import ImportOptions
from cellbench.importers.table import IMPORTERS, Importer, Manifest

__all__ = ["IMPORTERS", "ImportOptions", "Imported", "Importer", "Manifest", "import_patch_set"]
