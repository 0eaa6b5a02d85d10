"""Import of images into a data set on disk. The memory it needs is about 3 KB for each image."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cellbench.errors import DataError, SettingError, printable
from cellbench.importers.manifest import FORMAT_OPTIONS, IMPORTERS
from cellbench.importers.names import name_fault
from cellbench.importers.options import ImportOptions
from cellbench.importers.plan import Plan
from cellbench.patches.patchset import PatchSet
from cellbench.patches.write import PatchWriter


@dataclass(frozen=True)
class Imported:
    """A finished import.

    Attributes:
        patch_set: The data set.
        remarks: Sentences for the user, for example on images that were cropped.
    """

    patch_set: PatchSet
    remarks: list[str]


def import_patch_set(
    directory: Path,
    name: str,
    format_name: str,
    path: Path,
    options: ImportOptions,
    replace: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Imported:
    """Write a data set from images in one of the known formats. It is written completely or not at all.

    Args:
        directory: Folder of the new data set.
        name: Name of the new data set.
        format_name: Name of an importer.
        path: Folder or file that the importer reads.
        options: Options of the import.
        replace: Whether to replace an existing data set.
        progress: Called after each patch with the number of patches done and the total.

    Raises:
        NotFoundError: The importer is unknown.
        SettingError: The importer does not use one of the options, or a value is out of range.
        ProblemsError: The images or labels have problems. `problems` lists all, the message the first 20.
        DataError: The images or labels cannot be read, or are too few.
        StoreError: The data set already exists, or cannot be written.
    """
    importer = IMPORTERS.get(format_name)
    for option in sorted(FORMAT_OPTIONS - importer.accepts):
        if getattr(options, option) is not None:
            raise SettingError(f"--{option.replace('_', '-')} has no effect with --from {format_name}; remove it.")
    if fault := name_fault(path.name):  # the card of the data set contains it
        raise DataError(f"{printable(str(path))}: its name {fault}; rename it.")
    manifest = importer.read(path, options)
    plan = Plan(manifest, path, options)
    if options.cell_radius is not None and options.cell_radius > plan.size / 2:
        raise SettingError(
            f"--cell-radius {options.cell_radius:g}: the cell does not fit into patches of {plan.size} px; "
            "give the radius in px of the patches."
        )
    with PatchWriter(directory, len(plan.table), plan.size, plan.with_masks, replace) as writer:
        index = plan.fill(writer, progress)
        patch_set = writer.finish(
            index,
            name=name,
            seed=options.seed,
            min_per_class=options.min_per_class,
            um_per_px=options.um_per_px,
            licence=options.licence,
            citation=options.citation,
            source=f"{format_name}: {printable(path.name)}",
            cell_radius_px=options.cell_radius,
            cell_radius_source="annotated" if options.cell_radius else None,
            groups_known=plan.groups_known,
            class_order=options.class_order,
            class_frequencies=options.class_frequencies,
            notes=" ".join(plan.notes),
        )
    return Imported(patch_set, plan.remarks)
