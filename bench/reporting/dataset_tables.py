"""Prints data sets as text and tables."""

import numpy as np
from rich.table import Table

from bench.home.datasets import builtin_names, dataset_names
from bench.home.paths import datasets_dir
from bench.terminal.console import console, note, say
from cellbench.errors import DataError, listing
from cellbench.patches import PatchSet
from cellbench.radius.magnification import GroupScales

_BAR = 40  # characters


def print_datasets() -> None:
    """Print a table of all data sets of the user, and name the built-in ones that are not drawn yet."""
    table = Table(box=None, pad_edge=False)
    for title in ("name", "patches", "size (px)", "classes", "pool", "labelled", "holdout", "groups", "licence"):
        table.add_column(title, justify="left" if title in ("name", "licence") else "right", no_wrap=title == "name")
    damaged = []
    present = dataset_names()
    for name in present:
        try:
            patch_set = PatchSet.open(datasets_dir() / name)
            roles = [len(patch_set.rows(role)) for role in ("pool", "labelled", "holdout")]
        except DataError as error:
            damaged.append(str(error))
            table.add_row(name, "damaged", style="red")
            continue
        card = patch_set.card
        groups = str(patch_set.groups().max() + 1) if card.groups_known else "unknown"
        numbers = (len(patch_set), card.native_size, len(card.classes), *roles)
        table.add_row(name, *map(str, numbers), groups, card.licence or "")
    if present:
        console().print(table)
    if unmade := [name for name in builtin_names() if name not in present]:
        note(f"Built in, drawn on first use: {', '.join(unmade)}.")
    for sentence in damaged:
        note(sentence)


def print_card(patch_set: PatchSet) -> None:
    """Print the card of a data set, the sizes of its roles, and its folder."""
    card = patch_set.card
    n = {role: len(patch_set.rows(role)) for role in ("pool", "labelled", "holdout")}
    rare = listing(f"{name} ({count})" for name, count in card.unscored_classes.items())
    roles = f"pool {n['pool']}, labelled {n['labelled']}, holdout {n['holdout']}"
    if card.transductive:
        roles += " (transductive: the labelled patches are in the pool too, without their labels)"
    radius = "unknown"
    if card.cell_radius_px is not None:
        um = f" = {card.cell_radius_px * card.um_per_px:.2f} µm" if card.um_per_px else ""
        radius = f"{card.cell_radius_px:.1f} px{um} ({card.cell_radius_source})"
    lines = {
        "Data set": f"{card.name}, {len(patch_set)} patches of {card.native_size} px",
        "Classes": f"{len(card.classes)} scored: {listing(card.classes)}" + (f"; too rare: {rare}" if rare else ""),
        "Order": "; ".join(listing(one, " – ") for one in card.class_order),
        "Frequencies": listing(f"{name} {value:.3g}" for name, value in card.class_frequencies.items()),
        "Groups": str(patch_set.groups().max() + 1) if card.groups_known else "unknown, one per image",
        "Roles": roles,
        "Cell radius": radius,
        "Contours": "known" if patch_set.masks is not None else "unknown",
        "Scale": f"{card.um_per_px:g} µm per px" if card.um_per_px else "unknown",
        "Licence": card.licence,
        "Cite": card.citation,
        "Notes": card.notes,
        "Folder": str(patch_set.path),
    }
    for title, text in lines.items():
        if text:
            say(f"{title + ':':<13}{text}")


def print_classes(patch_set: PatchSet) -> None:
    """Print a table of the classes: patches, groups, roles and median radius."""
    index, card = patch_set.index, patch_set.card
    labels = index["label"].astype(object)
    radius = index["radius_px"].to_numpy(dtype=np.float64, na_value=np.nan)
    table = Table(box=None, pad_edge=False)
    table.add_column("class", no_wrap=True)
    for title in ("patches", "groups", "pool", "labelled", "holdout", "median radius (px)"):
        table.add_column(title, justify="right")
    names: list[tuple[str, str | None]] = [(name, name) for name in card.classes]
    names += [(f"{name} (too rare)", name) for name in card.unscored_classes]
    names.append(("(no class)", None))
    for title, name in names:
        chosen = (labels.isna() if name is None else labels == name).to_numpy(dtype=bool)
        if not chosen.any():
            continue
        roles = index.loc[chosen, ["in_pool", "in_labelled", "in_holdout"]].to_numpy(dtype=bool)
        n_groups = index["group"][chosen].nunique()
        known = radius[chosen][~np.isnan(radius[chosen])]
        median = f"{np.median(known):.1f}" if len(known) else "–"
        table.add_row(title, str(chosen.sum()), str(n_groups), *map(str, roles.sum(axis=0)), median)
    console().print(table)


def print_radii(patch_set: PatchSet, n_bins: int = 12) -> None:
    """Print a histogram of the annotated radii, where there are any."""
    radius = patch_set.index["radius_px"].to_numpy(dtype=np.float64, na_value=np.nan)
    radius = radius[~np.isnan(radius)]
    if not len(radius):
        return
    counts, edges = np.histogram(radius, bins=n_bins)
    scale = patch_set.card.um_per_px
    say(f"Annotated radii of {len(radius)} patches (px{', µm' if scale else ''}):")
    for count, low, high in zip(counts, edges[:-1], edges[1:], strict=True):
        um = f"  {low * scale:5.2f}–{high * scale:5.2f}" if scale else ""
        bar = "█" * round(_BAR * count / counts.max())
        say(f"  {low:6.1f}–{high:6.1f}{um}  {bar} {count}")


def print_levels(scales: GroupScales) -> None:
    """Print the range of the magnifications of the groups of a data set."""
    zoom, radius = (each[np.isfinite(scales.scale)] for each in (scales.scale, scales.radius_px))
    say(f"Magnified:   {len(zoom)} groups by {zoom.min():.2f} to {zoom.max():.2f}")
    before = f"{radius.min():.1f} to {radius.max():.1f} px"
    say(f"Cells:       {before}, now {scales.target_px:.1f} px; the radius of each group is estimated")
    if unknown := len(scales.scale) - len(zoom):
        say(f"Left out:    {unknown} groups with too few patches to estimate their cell radius")
