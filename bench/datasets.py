"""Adds, levels, lists, shows and removes data sets.

    python -m bench.datasets add pbc --from folder PATH --label-pattern '^(?P<label>[A-Z]+)_'
    python -m bench.datasets add bccd --from voc PATH --patch-size 192 --max-per-class 700
    python -m bench.datasets add wbc1 --from masks PATH --patch-size 120 --rename 1=neutrophil --rename 2=lymphocyte
    python -m bench.datasets level mine mine-level
    python -m bench.datasets list
    python -m bench.datasets show pbc
    python -m bench.datasets set pbc --class-order PMY,MY,MMY,BNE,SNE
    python -m bench.datasets remove pbc

Data sets are in CELLBENCH_HOME/datasets (default: ~/.cellbench/datasets). Lengths are in px of the images.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

import cellbench
from bench.terminal.command_line import Command, Group, option_name
from bench.terminal.console import note, say, user_errors
from bench.terminal.parsing import frequencies, orders, pairs
from bench.terminal.progress import progress_bar
from cellbench.errors import SettingError
from cellbench.registry import module_names
from cellbench.validation import validated

if TYPE_CHECKING:
    from cellbench.patches import PatchSet

app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Add, level, list, show and remove data sets.",
)

# The files are listed, not imported, so that --help needs no heavy library.
FORMATS = module_names(Path(cellbench.__file__).parent / "importers" / "formats")
Name = Annotated[str, typer.Argument(help="Name of the data set.")]
Replace = Annotated[bool, typer.Option("--replace", help="Replace an existing data set of this name.")]
Force = Annotated[bool, typer.Option("--force", help="Do it even if a search that has not ended uses the data set.")]
ClassOrder = Annotated[list[str] | None, typer.Option(help="Stages of maturation, as PMY,MY,MMY; repeat for more.")]
ClassFrequencies = Annotated[str | None, typer.Option(help="Frequency of each class, any unit, as PMY=3,MY=12.")]
OVERRULE = "With --force it is done nevertheless, and the search can be resumed only with the data set as it was."
SHOWN_MARKS: tuple[Literal["none", "radius", "contour"], ...] = ("none", "radius", "contour")


@app.command(cls=Command)
@user_errors
def add(
    name: Annotated[str, typer.Argument(help="Name of the new data set: letters, digits, '-', '_' and '.'.")],
    path: Annotated[Path, typer.Argument(help="Folder of the images, or the table for csv.")],
    from_format: Annotated[str, typer.Option("--from", help=f"Format: {', '.join(FORMATS)}.")],
    patch_size: Annotated[
        int | None, typer.Option(help="Side of the patches, px. Default: the smallest image; needed for cuts.")
    ] = None,
    label_pattern: Annotated[
        str | None, typer.Option(help="Pattern of the class in a name, as '^(?P<label>[A-Z]+)_'.")
    ] = None,
    label_folder: Annotated[
        int | None, typer.Option(help="Folder that is the class: 1, first below PATH; -1, last. Default: 1.")
    ] = None,
    group_pattern: Annotated[
        str | None, typer.Option(help="Pattern of the group in a path, as '^(?P<group>[^/]+)/'.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="For masks: table of image and class. Default: PATH/labels.csv.")
    ] = None,
    column: Annotated[
        list[str] | None, typer.Option(help="Other name of a column, as label=class; repeat for more.")
    ] = None,
    mask_values: Annotated[
        str | None, typer.Option(help="Several values in a mask: cells, or parts of one cell.")
    ] = None,
    rename: Annotated[list[str] | None, typer.Option(help="New name of a class, as OLD=NEW; repeat for more.")] = None,
    max_per_class: Annotated[int | None, typer.Option(help="Largest number of patches per class, drawn.")] = None,
    min_per_class: Annotated[int, typer.Option(help="Smallest number of patches of a class that is scored.")] = 20,
    border: Annotated[str, typer.Option(help="Patches beyond the border of an image: reflect or drop.")] = "reflect",
    um_per_px: Annotated[float | None, typer.Option(help="Scale, µm per px.")] = None,
    cell_radius: Annotated[
        float | None, typer.Option(help="Typical cell radius, px. Default: from boxes or masks, else estimated.")
    ] = None,
    licence: Annotated[str | None, typer.Option(help="Licence of the images.")] = None,
    citation: Annotated[str | None, typer.Option(help="Publication to cite with a figure.")] = None,
    class_order: ClassOrder = None,
    class_frequencies: ClassFrequencies = None,
    seed: Annotated[int, typer.Option(help="Seed of the roles and of --max-per-class.")] = 0,
    replace: Replace = False,
    force: Force = False,
) -> None:
    """Convert images into a data set of patches. Nothing is written unless the whole data set can be."""
    from bench.home.import_problems import problems_in_file
    from bench.reporting.dataset_tables import print_card
    from cellbench.importers import IMPORTERS, ImportOptions, import_patch_set

    target = _free_place(name, replace, force)
    IMPORTERS.get(from_format)
    values = {
        "patch_size": patch_size,
        "label_pattern": label_pattern,
        "label_folder": label_folder,
        "group_pattern": group_pattern,
        "labels": None if labels is None else str(labels),
        "column": pairs(column, "--column", "NAME=COLUMN") if column else None,
        "mask_values": mask_values,
        "rename": pairs(rename or [], "--rename"),
        "max_per_class": max_per_class,
        "min_per_class": min_per_class,
        "border": border,
        "um_per_px": um_per_px,
        "cell_radius": cell_radius,
        "licence": licence,
        "citation": citation,
        "class_order": orders(class_order) or [],
        "class_frequencies": frequencies(class_frequencies) or {},
        "seed": seed,
    }
    options = validated(ImportOptions, values, lambda path: option_name(str(path[0])))
    with problems_in_file(name), progress_bar("Reading patches") as progress:
        imported = import_patch_set(target, name, from_format, path, options, replace, progress)
    doubts = _record_radius(imported.patch_set)
    print_card(imported.patch_set)
    for remark in (*imported.remarks, *doubts):
        note(remark)
    say(f"Look at it:   python -m bench.datasets show {name}")
    say(f"Search on it: python -m bench.search --method mask_fixed --dataset {name}")


@app.command(cls=Command)
@user_errors
def level(
    name: Name,
    new_name: Annotated[str, typer.Argument(help="Name of the new data set.")],
    replace: Replace = False,
    force: Force = False,
) -> None:
    """Copy a data set of slides of different magnification so that all groups have about the same cell radius.

    The cell radius of each group is estimated from its patches, without labels. Groups are magnified to the radius
    that a tenth of the groups exceeds. Classes, groups and roles stay the same. Both data sets share one count of
    looks at the holdout.
    """
    from bench.home.datasets import open_dataset
    from bench.reporting.dataset_tables import print_card, print_levels
    from cellbench.radius.magnification import find_group_scales, write_rescaled

    if name == new_name:
        raise SettingError(f"The copy of {name} needs another name, for example {name}-level.")
    target = _free_place(new_name, replace, force)
    patch_set = open_dataset(name)
    scales = find_group_scales(patch_set)
    with progress_bar("Writing patches") as progress:
        levelled = write_rescaled(patch_set, scales, target, new_name, replace=replace, progress=progress)
    doubts = _record_radius(levelled)
    print_card(levelled)
    print_levels(scales)
    if not scales.differ:
        doubts.insert(0, "The groups hardly differ. The differences may be no more than the error of the estimates.")
    for doubt in doubts:
        note(doubt)
    say(f"Look at it: python -m bench.datasets show {new_name}")
    say(f"Its radius: python -m bench.radius {new_name}")


@app.command(name="list", cls=Command)
@user_errors
def list_datasets() -> None:
    """List all data sets."""
    from bench.reporting.dataset_tables import print_datasets

    print_datasets()


@app.command(name="set", cls=Command)
@user_errors
def set_classes(name: Name, class_order: ClassOrder = None, class_frequencies: ClassFrequencies = None) -> None:
    """Write stages of maturation or natural class frequencies to the card of a data set; its fingerprint stays.

    An empty value, as in --class-order "", removes what the card has.
    """
    from bench.home.datasets import open_dataset
    from bench.reporting.dataset_tables import print_card

    if class_order is None and class_frequencies is None:
        raise SettingError("Nothing to set; add --class-order or --class-frequencies.")
    order, natural = orders(class_order), frequencies(class_frequencies)
    patch_set = open_dataset(name)
    patch_set.record_classes(order, natural)
    print_card(patch_set)


@app.command(cls=Command)
@user_errors
def show(
    name: Name,
    marks: Annotated[str | None, typer.Option(help="Marks: none, radius or contour. Default: the best known.")] = None,
    n_per_class: Annotated[int, typer.Option(min=1, max=100, help="Patches per row of the contact sheet.")] = 12,
    sheet: Annotated[
        Path | None, typer.Option(help="PNG file of the contact sheet. Default: in the folder of the data set.")
    ] = None,
) -> None:
    """Show counts, classes, groups, roles and radii of a data set, and draw its contact sheet."""
    from bench.home.datasets import open_dataset
    from bench.home.holdout_looks import holdout_looks
    from bench.reporting.dataset_tables import print_card, print_classes, print_radii
    from cellbench.output_files import check_output
    from cellbench.patches.contact_sheet import write_contact_sheet

    check_output(sheet, "--sheet")
    patch_set = open_dataset(name)
    print_card(patch_set)
    print_classes(patch_set)
    print_radii(patch_set)
    say(f"Looks at the holdout so far: {holdout_looks(patch_set)}")
    if marks is None:
        known = patch_set.card.cell_radius_px is not None
        marks = "contour" if patch_set.masks is not None else "radius" if known else "none"
    drawn = next((known for known in SHOWN_MARKS if known == marks), None)
    if drawn is None:
        raise SettingError(f"--marks must be none, radius or contour; got {marks!r}.")
    path = sheet or patch_set.path / "contact_sheet.png"
    write_contact_sheet(patch_set, path, drawn, n_per_class)
    say(f"Contact sheet: {path}")


@app.command(cls=Command)
@user_errors
def remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Remove without a question.")] = False,
    force: Force = False,
) -> None:
    """Remove a data set, its resized copies and floors. The original images stay."""
    from bench.home.datasets import check_dataset_name, dataset_names, remove_dataset
    from bench.home.paths import datasets_dir
    from bench.record.request import check_unused
    from cellbench.errors import NotFoundError
    from cellbench.registry import nearest

    if check_dataset_name(name) not in dataset_names():
        raise NotFoundError(f"There is no data set '{name}' in {datasets_dir()}; {nearest(name, dataset_names())}")
    if not force:
        check_unused(datasets_dir() / name, OVERRULE)
    if not yes and not typer.confirm(f"Remove {datasets_dir() / name}?", default=False):
        note("Nothing was removed.")
        return
    remove_dataset(name)
    say(f"Removed {name}.")


def _free_place(name: str, replace: bool, force: bool) -> Path:
    """Return the folder of a new data set.

    Raises:
        SettingError: The name is not valid, or is that of a built-in data set, or a search uses the data set.
        StoreError: The data set exists and must not be replaced.
    """
    from bench.home.datasets import builtin_names, check_dataset_name
    from bench.home.paths import datasets_dir
    from bench.record.request import check_unused
    from cellbench.errors import StoreError

    target = datasets_dir() / check_dataset_name(name)
    if name in builtin_names():
        raise SettingError(f"'{name}' is a built-in data set; choose another name.")
    if target.exists() and not replace:
        raise StoreError(f"The data set '{name}' already exists; choose another name, or replace it with --replace.")
    if target.exists() and not force:
        check_unused(target, OVERRULE)
    return target


def _record_radius(patch_set: "PatchSet") -> list[str]:
    """Write the estimated cell radius into the card where none is annotated, and return warnings about the estimate."""
    from cellbench.errors import DataError
    from cellbench.radius import estimate_radius
    from cellbench.threads import use_threads

    if patch_set.card.cell_radius_px is not None:
        return []
    use_threads(1)
    try:
        found = estimate_radius(patch_set)
    except DataError as error:
        return [str(error)]
    if not found.is_found:
        return [f"No cell radius could be estimated. {found.doubts[0]}"]
    patch_set.record_cell_radius(found.radius_px, "estimated")
    return [f"Estimated radius: {doubt}" for doubt in found.doubts]


if __name__ == "__main__":
    app()
