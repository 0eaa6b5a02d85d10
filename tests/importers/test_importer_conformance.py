"""What every importer must do; a new format is one more maker in `MAKERS`."""

import numpy as np
import pytest
from PIL import Image

from cellbench.errors import DataError
from cellbench.importers import IMPORTERS, ImportOptions, Manifest
from cellbench.importers.images import ImageReader
from cellbench.importers.manifest import COLUMNS, SPECIAL

N, SIZE = 60, 16
LABELS = ["ab"[i % 2] for i in range(N)]
PIXELS = np.random.default_rng(0).integers(0, 256, (N, SIZE, SIZE, 3), dtype=np.uint8)


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def make_folder(root):
    for i in range(N):
        save(root / LABELS[i] / f"{i:02}.png", PIXELS[i])
    return root


def make_masks(root):
    for i in range(N):
        save(root / "images" / LABELS[i] / f"{i:02}.png", PIXELS[i])
        save(root / "masks" / f"{i:02}.png", np.full((SIZE, SIZE), 255, np.uint8))
    return root


def make_csv(root):
    for i in range(N):
        save(root / f"{i:02}.png", PIXELS[i])
    lines = [f"{i:02}.png,{LABELS[i]}" for i in range(N)]
    (root / "cells.csv").write_text("\n".join(["path,label", *lines]))
    return root / "cells.csv"


def make_voc(root):
    box = "<xmin>6</xmin><ymin>6</ymin><xmax>13</xmax><ymax>13</ymax>"  # its centre is 8.5, counted from 0
    for i in range(N):
        image = np.zeros((SIZE + 2, SIZE + 2, 3), np.uint8)
        image[1:-1, 1:-1] = PIXELS[i]
        save(root / "JPEGImages" / f"{i:02}.png", image)
        text = f"<annotation><object><name>{LABELS[i]}</name><bndbox>{box}</bndbox></object></annotation>"
        (root / "Annotations").mkdir(exist_ok=True)
        (root / "Annotations" / f"{i:02}.xml").write_text(text)
    return root


MAKERS = {"csv": make_csv, "folder": make_folder, "masks": make_masks, "voc": make_voc}
OPTIONS = {"patch_size": SIZE}


@pytest.fixture(params=sorted(MAKERS))
def made(request, tmp_path):
    """Name of a format, and the same 60 patches in that format."""
    return request.param, MAKERS[request.param](tmp_path / "made")


def test_every_importer_is_covered():
    assert IMPORTERS.names() == sorted(MAKERS)


def test_the_record_says_what_it_is(made):
    record = next(one for one in IMPORTERS.items() if one.name == made[0])
    assert len(record.description) > 10
    assert record.thing.accepts <= SPECIAL


def test_reading_decodes_nothing(made, monkeypatch):
    for method in ("image", "mask", "size"):
        monkeypatch.setattr(ImageReader, method, lambda *args: pytest.fail("too early"))
    manifest = IMPORTERS.get(made[0]).read(made[1], ImportOptions(**OPTIONS))
    assert isinstance(manifest, Manifest)
    assert set(manifest.table.columns) <= set(COLUMNS)
    assert len(manifest.table) == N
    assert manifest.problems == []


def test_patches_and_labels_arrive(made, add):
    found = add(*made, **OPTIONS).patch_set
    numbers = [int(source.rpartition("/")[2].removesuffix(".png")) for source in found.index["source"]]
    assert sorted(numbers) == list(range(N))
    assert (found.patches == PIXELS[numbers]).all()
    assert found.index["label"].tolist() == [LABELS[i] for i in numbers]
    assert (found.valid_box() == [0, 0, SIZE, SIZE]).all()
    assert not any(source.startswith("/") for source in found.index["source"])


def test_the_same_images_and_seed_give_the_same_set(made, add):
    prints = [add(*made, replace=True, seed=seed, **OPTIONS).patch_set.card.fingerprint for seed in (0, 0, 1)]
    assert prints[0] == prints[1] != prints[2]


def test_every_bad_image_is_named_and_nothing_is_written(made, add, nothing_written):
    root = made[1] if made[1].is_dir() else made[1].parent
    bad = sorted(path for path in root.rglob("*.png") if "masks" not in path.parts)[3:9:3]
    for path in bad:
        path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match="has 2 problems, so nothing was written") as caught:
        add(*made, **OPTIONS)
    for path in bad:
        assert f"{path.relative_to(root).as_posix()}: it is damaged or truncated" in str(caught.value)


def test_a_path_that_is_not_there_is_named(made, add, tmp_path, nothing_written):
    with pytest.raises(DataError, match=r"There is no (folder|file) .*nowhere"):
        add(made[0], tmp_path / "nowhere", **OPTIONS)
