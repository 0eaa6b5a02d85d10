"""The plan of an import: which patches are written. It is made from the headers of the images, before decoding."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellbench.errors import DataError, SettingError, listing, printable
from cellbench.importers.decoder import Decoder
from cellbench.importers.images import ImageReader
from cellbench.importers.manifest import COLUMNS, Manifest
from cellbench.importers.names import look_alikes, name_fault, nfc
from cellbench.importers.options import ImportOptions
from cellbench.importers.problems import ProblemsError, misplaced, remarks_on_names
from cellbench.patches.border import Box, fits
from cellbench.patches.card import frequencies_fault, order_fault
from cellbench.patches.roles import draw_roles
from cellbench.patches.write import PatchWriter

MIN_SIZE = 8
"""Smallest side of an image in px without --patch-size; a smaller image is an error."""


class Plan:
    """The patches that an import writes, planned from the headers of all images.

    Args:
        manifest: The patches that the importer found.
        path: Folder or file of the import; messages name images relative to it.
        options: Options of the import.

    Attributes:
        table: One row per patch to write, with the columns of `Manifest.table` and `cut`, whether it has a centre.
        size: Side of the patches in native px.

    Raises:
        DataError: The images or labels have problems, or are too few to be divided into roles.
        SettingError: An option does not fit the images.
    """

    def __init__(self, manifest: Manifest, path: Path, options: ImportOptions) -> None:
        self.path = path
        self.options = options
        self.reader: ImageReader = manifest.reader
        self.problems = list(manifest.problems)
        self.remarks = list(manifest.remarks)
        self.notes = list(manifest.notes)
        table = manifest.table.reset_index(drop=True)
        for column in COLUMNS:
            if column not in table.columns:
                table[column] = np.nan if column in ("x", "y", "radius_px") else None
        table["label"] = self._renamed(_spelled(table["label"]))
        table["group"] = _spelled(table["group"])
        self._check_names(table["label"], "class", "classes", "join them with --rename OLD=NEW")
        self._check_names(table["group"], "group", "groups", "give them one name")
        self.remarks += remarks_on_names(table)
        self.groups_known = bool(table["group"].notna().all()) or manifest.groups_known
        table["group"] = table["group"].where(table["group"].notna(), self._shorts(table["source"]))
        self.with_masks = bool(table["mask"].notna().any())
        if self.with_masks:
            self.problems += [f"{self._short(s)}: it has no mask" for s in table["source"][table["mask"].isna()]]

        sizes = self._sizes(table["source"])
        if self.problems:
            self._check_images(sizes)
        self._refuse_problems()
        heights, widths = (
            np.asarray(table["source"].map({source: size[axis] for source, size in sizes.items()}), dtype=np.int64)
            for axis in (0, 1)
        )
        whole = table["x"].isna().to_numpy()
        table["cut"] = ~whole
        table["x"] = np.where(whole, (widths - 1) / 2, table["x"].astype(float))
        table["y"] = np.where(whole, (heights - 1) / 2, table["y"].astype(float))
        self.size = self._native_size(table["source"], heights, widths, whole)
        self.problems += misplaced(table.set_axis(manifest.table.index), heights, widths, self._short)
        self._refuse_problems()
        inside = fits(heights, widths, table["x"].to_numpy(), table["y"].to_numpy(), self.size)
        keep = np.ones(len(table), dtype=bool)
        if options.border == "drop":
            keep = inside.copy()
            self.remarks.append(
                f"{int((~keep).sum())} patches extend beyond the border of their image and were dropped."
            )
        keep &= self._chosen(table["label"], keep)
        self.table = table[keep].reset_index(drop=True)
        if n_padded := int((keep & ~inside).sum()):
            self.remarks.append(f"{n_padded} patches extend beyond the border of their image and are reflected there.")
        if not self.groups_known:
            note = "Groups are unknown: each image is its own group, so scores can be optimistic."
            self.notes.append(note)
        self._check_roles()

    def fill(self, writer: PatchWriter, progress: Callable[[int, int], None]) -> pd.DataFrame:
        """Write all patches in order and return the index of the data set.

        Args:
            writer: Writes the patches and masks.
            progress: Called after each patch with the number of patches done and the total.

        Raises:
            DataError: An image or mask cannot be used. The message lists all of them.
        """
        table, n = self.table, len(self.table)
        radii = table["radius_px"].to_numpy(dtype=np.float64, copy=True)
        boxes: list[Box] = []
        decoder = Decoder(self.reader, self.size, self.options.mask_values, self._short, self.problems)
        for row, patch, box, mask, radius in decoder.decode(table, self.with_masks):
            if not self.problems:  # after the first bad image the others are only checked
                writer.add(patch, mask)
            boxes.append(box)
            if np.isnan(radii[row]) and radius is not None:
                radii[row] = radius
            progress(row + 1, n)
        self._refuse_problems()
        if self.reader.n_grey:
            n = self.reader.n_grey
            self.remarks.append(f"{n} grey image{' was' if n == 1 else 's were'} copied to red, green and blue.")
        self.remarks += decoder.remarks(table)
        index = pd.DataFrame(boxes, columns=["valid_top", "valid_left", "valid_bottom", "valid_right"])
        for column in ("label", "x", "y"):
            index[column] = table[column]
        index["group"], index["radius_px"] = table["group"], radii
        index["source"] = self._shorts(table["source"])
        return index

    def _renamed(self, labels: "pd.Series[Any]") -> "pd.Series[Any]":
        known = set(labels.dropna())
        rename = {nfc(old): nfc(new) for old, new in self.options.rename.items()}
        if not self.problems and (unknown := sorted(set(rename) - known)):  # a problem can hide a class
            raise SettingError(
                f"--rename names unknown classes ({listing(unknown)}); the classes are: "
                f"{listing(sorted(map(str, known)))}."
            )
        named = [None if pd.isna(label) else rename.get(label, label) for label in labels]
        return pd.Series(named, index=labels.index, dtype=object)

    def _check_names(self, names: "pd.Series[Any]", kind: str, plural: str, way_out: str) -> None:
        """Add a problem for each name that cannot be shown, and a remark on names that look the same."""
        known = set(names.dropna())
        faults = {name: fault for name in sorted(known) if (fault := name_fault(name))}
        self.problems += [f"the {kind} '{printable(name)}' {fault}; rename it" for name, fault in faults.items()]
        if alike := ["/".join(f"'{printable(name)}'" for name in same) for same in look_alikes(known)]:
            self.remarks.append(
                f"Some {plural} differ in case or spaces alone: {listing(alike)}. If they are the same, {way_out}."
            )

    def _sizes(self, sources: "pd.Series[Any]") -> dict[str, tuple[int, int]]:
        sizes: dict[str, tuple[int, int]] = {}
        for source in sources.dropna().unique():
            try:
                sizes[source] = self.reader.size(source)
            except DataError as error:
                self.problems.append(f"{self._short(source)}: {error}")
        return sizes

    def _check_images(self, sources: Iterable[str]) -> None:
        """Decode every image with a valid header, so that one message lists all problems."""
        for source in sources:
            try:
                self.reader.image(source)
            except DataError as error:
                self.problems.append(f"{self._short(source)}: {error}")

    def _native_size(
        self, sources: "pd.Series[Any]", heights: NDArray[np.int64], widths: NDArray[np.int64], whole: NDArray[np.bool_]
    ) -> int:
        if self.options.patch_size is not None:
            return self.options.patch_size
        if not whole.all():
            raise SettingError("The patches are cut from larger images; set their side with --patch-size PX.")
        sides = np.minimum(heights, widths)
        size = int(sides.min())
        smallest = self._short(sources.iloc[int(sides.argmin())])
        if size < MIN_SIZE:
            raise DataError(f"{smallest} has a side of only {size} px; remove it, or set --patch-size.")
        usual = int(np.median(sides))
        if size < usual / 2:
            n_small = int((sides < usual / 2).sum())
            small = "1 small image" if n_small == 1 else f"{n_small} small images"
            raise DataError(
                f"{smallest} has a side of only {size} px, but most images have {usual} px: {small} would crop all "
                f"others to that side. Remove the small images, or set --patch-size {usual}."
            )
        n_cropped = int(((heights != size) | (widths != size)).sum())
        if n_cropped:
            hint = f"; --patch-size {usual} would keep more and reflect the smaller ones" if usual > size else ""
            self.remarks.append(
                f"{n_cropped} images were centre-cropped to the smallest side, {size} px ({smallest}{hint})."
            )
        return size

    def _chosen(self, labels: "pd.Series[Any]", keep: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which rows --max-per-class keeps: a seeded choice within each class, and all rows without a class."""
        chosen = keep.copy()
        if self.options.max_per_class is None:
            return chosen
        rng = np.random.default_rng(self.options.seed)
        reduced = []
        for name in sorted(labels[keep].dropna().unique()):
            rows = np.flatnonzero(keep & (labels == name).to_numpy())
            if len(rows) > self.options.max_per_class:
                chosen[rows] = False
                chosen[rng.choice(rows, self.options.max_per_class, replace=False)] = True
                reduced.append(f"{name} {len(rows)}")
        if reduced:
            most = self.options.max_per_class
            self.remarks.append(f"Kept at most {most} patches of a class; found: {listing(reduced)}.")
        return chosen

    def _short(self, source: str) -> str:
        """Return a source relative to the imported path, where it is below it."""
        root = self.path if self.path.is_dir() else self.path.parent
        try:
            return Path(source).relative_to(root).as_posix()
        except ValueError:
            return str(source)

    def _shorts(self, sources: "pd.Series[Any]") -> "pd.Series[Any]":
        return sources.map({source: self._short(source) for source in sources.dropna().unique()})

    def _refuse_problems(self) -> None:
        if self.problems:
            raise ProblemsError(self.path, self.problems)

    def _check_roles(self) -> None:
        """Refuse patches that cannot be divided into roles, and wrong class facts, before the images are decoded."""
        labels, groups, options = self.table["label"].tolist(), self.table["group"].tolist(), self.options
        try:
            roles = draw_roles(labels, groups, options.seed, options.min_per_class)
        except DataError as error:
            raise DataError(f"{self.path} cannot become a data set. {error}") from error
        known = [*roles.classes, *roles.unscored_classes]
        if fault := order_fault(options.class_order, known) or frequencies_fault(
            options.class_frequencies, known, roles.classes
        ):
            raise SettingError(fault)


def _spelled(names: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return names in one Unicode spelling, None where they are missing."""
    spelled = [None if pd.isna(name) else nfc(str(name)) for name in names]
    return pd.Series(spelled, index=names.index, dtype=object)
