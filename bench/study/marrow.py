"""Compare a synthetic marrow data set with real images: PCA scores, rings and sizes. No network is trained.

    python -m bench.study.marrow compare --name marrow-mini
    python -m bench.study.marrow compare --name marrow-mini --real FOLDER --per-class 200

FOLDER contains images, also in subfolders. The first group of `--label-regex` in the file name is the class. Images are
compared at 32 px.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.study.image_statistics import Images, disc_weights, pca_features, probe_f1, ring_table, shrink, shrink_masks
from cellbench.errors import CellbenchError, DataError
from cellbench.marrow.cells import CLASS_NAMES
from cellbench.marrow.dataset import iterate_records
from cellbench.marrow.spec import BUILTIN

_IMAGE_ENDINGS = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff"}
_DISCS = (50.0, 80.0)


def _say(line: str = "") -> None:
    sys.stdout.write(line + "\n")


def _report(title: str, images: Images, labels: NDArray[Any], groups: NDArray[Any], masks: Images | None) -> None:
    """Print the scores of PCA features and the rings. Patches without a label are in the PCA but not in the scores."""
    scored = np.array([label is not None for label in labels])
    _say(f"\n{title}: {len(images)} patches, {int(scored.sum())} with a class, {len(set(groups.tolist()))} groups")
    views: dict[str, Images | None] = {"whole patch": None}
    views |= {f"disc of {radius:g}/256 px": disc_weights(len(images), radius) for radius in _DISCS}
    if masks is not None:
        views["true outline"] = masks
    _say("PCA (64) of           linear F1   MLP F1   linear F1 by class")
    for name, weights in views.items():
        features = pca_features(images, weights)[scored]
        linear, by_class = probe_f1(features, labels[scored], groups[scored])
        mlp, _ = probe_f1(features, labels[scored], groups[scored], "mlp")
        _say(f"{name:20s} {linear:9.3f} {mlp:9.3f}    " + " ".join(f"{k[:9]} {v:.2f}" for k, v in by_class.items()))
    _say("ring at px of 256   red green  blue   between  within     R2 from the centre disc")
    for row in ring_table(images, groups):
        colours = " ".join(f"{row[name]:5.0f}" for name in ("red", "green", "blue"))
        _say(f"{row['distance']:15.0f}   {colours}   {row['between']:7.1f} {row['within']:7.1f}   {row['r2']:6.2f}")


def _synthetic(name: str, n_processes: int) -> None:
    spec = BUILTIN[name].spec
    patches, masks, labels, slides, radii = [], [], [], [], []
    for record in iterate_records(spec, n_processes):
        patches.append(shrink([record.patch])[0])
        masks.append(shrink_masks([record.mask])[0])
        labels.append(CLASS_NAMES[record.class_code] if record.class_code >= 0 else None)
        slides.append(record.slide)
        radii.append(record.radius_px * 256 / spec.size)
    names = np.array(labels, dtype=object)
    _report(name, np.stack(patches), names, np.array(slides), np.stack(masks))
    _say("class                          n   radius in px of 256: 10 %, median, 90 %")
    for class_name in CLASS_NAMES:
        chosen = np.array(radii)[names == class_name]
        _say(
            f"{class_name:28s} {len(chosen):4d}   "
            + " ".join(f"{q:6.1f}" for q in np.quantile(chosen, [0.1, 0.5, 0.9]))
        )


def _real(folder: Path, label_regex: str, per_class: int) -> None:
    from PIL import Image

    from cellbench.importers.images import FORMATS

    by_class: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        found = re.search(label_regex, path.name)
        if path.suffix.lower() in _IMAGE_ENDINGS and found:
            by_class.setdefault(found.group(1), []).append(path)
    if len(by_class) < 2:
        raise DataError(
            f"{folder} has images of fewer than two classes: '{label_regex}' finds {len(by_class)}. Set --label-regex."
        )
    images, labels = [], []
    for name, paths in by_class.items():
        for path in random.Random(0).sample(paths, min(per_class, len(paths))):
            with Image.open(path, formats=FORMATS) as image:
                side = min(image.size)
                left, top = (image.width - side) // 2, (image.height - side) // 2
                square = np.asarray(image.convert("RGB").crop((left, top, left + side, top + side)))
            images.append(shrink([square])[0])
            labels.append(name)
    _report(str(folder), np.stack(images), np.array(labels, dtype=object), np.arange(len(images)), None)


def main(arguments: list[str] | None = None) -> int:
    """Run the program.

    Args:
        arguments: Command-line arguments. None: those of the process.

    Returns:
        Exit code: 0, or 2 after an error of the user.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.study.marrow", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    compare = parser.add_subparsers(required=True).add_parser("compare", help="show PCA scores, rings and sizes")
    compare.add_argument(
        "--name", choices=sorted(BUILTIN), default="marrow-mini", help="name of the synthetic data set"
    )
    compare.add_argument("--real", type=Path, help="folder of real images to compare it with")
    compare.add_argument(
        "--label-regex", default=r"^([A-Z]+)_", help="pattern of the file name; its first group is the class"
    )
    compare.add_argument("--per-class", type=int, default=200, help="largest number of real images of each class")
    compare.add_argument("--processes", type=int, default=2, help="number of processes that draw")
    options = parser.parse_args(arguments)
    try:
        _synthetic(options.name, options.processes)
        if options.real is not None:
            _real(options.real, options.label_regex, options.per_class)
    except CellbenchError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
