"""From images in an outside format to a data set on disk, in memory that does not grow with their number."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cellbench.errors import SettingError
from cellbench.importers.manifest import IMPORTERS, SPECIAL
from cellbench.importers.options import ImportOptions
from cellbench.importers.plan import Plan
from cellbench.patches.patchset import PatchSet
from cellbench.patches.write import PatchWriter


@dataclass(frozen=True)
class Imported:
    """A finished import: the data set and what its user should read about it."""

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
    """Read images in one of the known formats and write them as a data set, whole or not at all.

    Args:
        directory: Where the data set goes.
        name: Its name.
        format_name: Name of an importer.
        path: What the importer reads.
        options: The user's options.
        replace: Whether a data set that is there may be replaced.
        progress: Called with the number of patches done and of all.

    Raises:
        NotFoundError: If there is no such importer.
        SettingError: If an option means nothing to this importer.
        DataError: If anything in the images is wrong; the message lists all of it, up to 20.
        StoreError: If the data set exists, or cannot be written.
    """
    importer = IMPORTERS.get(format_name)
    for option in sorted(SPECIAL - importer.accepts):
        if getattr(options, option) is not None:
            raise SettingError(f"--{option.replace('_', '-')} means nothing to --from {format_name}; leave it out.")
    manifest = importer.read(path, options)
    plan = Plan(manifest, path, options)
    if options.cell_radius is not None and options.cell_radius > plan.size / 2:
        raise SettingError(
            f"--cell-radius {options.cell_radius:g}: such a cell does not fit into patches of {plan.size} px; "
            "give it in px of the patches."
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
            source=f"{format_name}: {path.name}",
            cell_radius_px=options.cell_radius,
            cell_radius_source="annotated" if options.cell_radius else None,
            groups_known=plan.groups_known,
            notes=" ".join(plan.notes),
        )
    return Imported(patch_set, plan.remarks)
