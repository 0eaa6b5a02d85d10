"""A folder for each class, or the class in the file name."""

from pathlib import Path

import pandas as pd

from cellbench.importers.files import find_images, listing
from cellbench.importers.manifest import IMPORTERS, Importer, Manifest
from cellbench.importers.options import ImportOptions, find, find_labels


def read_folder(path: Path, options: ImportOptions) -> Manifest:
    """List the images of a folder.

    The class is the name of the first folder under `path`; with `label_pattern`, what that finds in the file
    name. Images without either have no class. The group is what `group_pattern` finds in the path under `path`.

    Args:
        path: The folder.
        options: `label_pattern` and `group_pattern` are used.
    """
    images, remarks = find_images(path)
    problems: list[str] = []
    groups: list[str | None] = []
    labels: list[str | None]
    if options.label_pattern:
        labels = find_labels(options.label_pattern, [image.name for image in images])
    else:
        parts = [image.relative_to(path).parts for image in images]
        labels = [part[0] if len(part) > 1 else None for part in parts]
    for image in images:
        relative = image.relative_to(path)
        groups.append(find(options.group_pattern, relative.as_posix(), "group") if options.group_pattern else None)
        if options.group_pattern and groups[-1] is None:
            problems.append(f"{relative}: --group-pattern finds no group in its path")
    nameless = [str(image.relative_to(path)) for image, label in zip(images, labels, strict=True) if label is None]
    if nameless:
        remarks.append(f"{len(nameless)} images have no class and are pool only: {listing(nameless)}.")
    table = pd.DataFrame({"source": [str(image) for image in images], "label": labels, "group": groups}, dtype=object)
    return Manifest(table, problems=problems, remarks=remarks)


IMPORTERS.register("folder", "a folder for each class, or the class by --label-pattern from the file name")(
    Importer(read_folder, frozenset({"label_pattern", "group_pattern"}))
)
