"""Which cells are found, how they are cut, and that a file of predictions is continued after a kill."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cellbench.classification.cells import list_cells, read_cells
from cellbench.classification.classifier import Classifier
from cellbench.classification.prediction import BEFORE, PredictionFile, predict_cells
from cellbench.classification.representation import FloorRepresentation
from cellbench.errors import DataError, SettingError
from cellbench.floors import FLOORS, CachedFloor, floor_context
from cellbench.training.configuration import TrainingSettings

SIZE = 40


@pytest.fixture(scope="module")
def classifier(discs, tmp_path_factory):
    """A classifier on the floor `pca`."""
    settings = TrainingSettings(encoder="test_resnet", network_size=16, views=1, threads=1)
    cache = tmp_path_factory.mktemp("cache")
    cached = CachedFloor("pca", FLOORS.get("pca")(floor_context(discs, settings, (0,))), discs, (0,), cache)
    return Classifier.fit_on(FloorRepresentation("pca", cached.fitted(0)), "kernel_ridge", discs, cache)


@pytest.fixture
def images(discs, tmp_path):
    """A folder with the first 30 patches of `discs` as images, in their order."""
    folder = tmp_path / "images"
    folder.mkdir()
    for row in range(30):
        Image.fromarray(discs.patches[row]).save(folder / f"{row:02}.png")
    return folder


def patches_of(cells):
    return np.stack([cell.patch for cell in cells])


def test_images_places_and_data_sets_give_the_same_patches(discs, images, tmp_path):
    whole, _ = list_cells([images])
    assert len(whole) == 30
    np.testing.assert_array_equal(patches_of(read_cells(whole, SIZE)), discs.patches[:30])
    of_set, _ = list_cells([discs.path])
    assert len(of_set) == len(discs)
    np.testing.assert_array_equal(patches_of(read_cells(of_set, SIZE)), discs.patches)
    slide = np.concatenate([discs.patches[0], discs.patches[1]], axis=1)
    Image.fromarray(slide).save(tmp_path / "slide.png")
    (tmp_path / "places.csv").write_text("path,x,y\nslide.png,19.5,19.5\nslide.png,59.5,19.5\n")
    places, _ = list_cells([tmp_path / "places.csv"])
    np.testing.assert_array_equal(patches_of(read_cells(places, SIZE)), discs.patches[:2])


def test_a_cell_that_is_listed_twice_is_one(images):
    cells, _ = list_cells([images, images / "03.png"])
    assert len(cells) == 30


def test_a_coarser_image_is_enlarged_to_the_scale_of_the_classifier(discs, tmp_path):
    small = Image.fromarray(discs.patches[0]).resize((20, 20), Image.Resampling.BILINEAR)
    small.save(tmp_path / "small.png")
    cells, _ = list_cells([tmp_path / "small.png"])
    (cell,) = read_cells(cells, SIZE, magnification=2.0)
    assert cell.patch.shape == (SIZE, SIZE, 3)
    assert np.abs(cell.patch.astype(float) - discs.patches[0]).mean() < 12
    (cell,) = read_cells(cells, SIZE)
    assert cell.patch is None
    assert "it has 20 × 20 px, but the cell must fill a patch of 40 × 40 px; state its scale with" in cell.problem


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none", "There is no file or folder"),
        ("a.txt", "is neither an image nor a table"),
        ("empty", "There is no image"),
    ],
)
def test_a_path_without_cells_is_named(tmp_path, name, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(DataError, match=message):
        list_cells([tmp_path / name])


def predict(classifier, cells, out, **options):
    embeddings = options.pop("embeddings", None)
    with PredictionFile(out, classifier, cells, 1.0, embeddings) as file:
        return predict_cells(classifier, cells, file, batch_size=7, **options)


def test_good_cells_are_classified_and_bad_ones_have_a_reason(classifier, discs, images, tmp_path):
    (images / "05.png").write_text("no image")
    Image.fromarray(discs.patches[6]).convert("L").resize((10, 10)).save(images / "06.png")
    Image.fromarray(np.zeros((SIZE, SIZE, 4), np.uint8), "RGBA").save(images / "07.png")
    found = predict(classifier, list_cells([images])[0], tmp_path / "cells.csv")
    table = pd.read_csv(tmp_path / "cells.csv")
    assert list(table.columns) == [*BEFORE, *(f"p/{name}" for name in classifier.classes)]
    assert (found.n_cells, found.n_problems, len(table)) == (27, 3, 30)
    bad = table[table["problem"].notna()]
    assert [path.rsplit("/", 1)[1] for path in bad["source"]] == ["05.png", "06.png", "07.png"]
    assert bad["class"].isna().all()
    good = table[table["problem"].isna()]
    expected = classifier.assess(np.array(discs.patches[np.delete(np.arange(30), [5, 6, 7])]))
    columns = [f"p/{name}" for name in classifier.classes]
    np.testing.assert_allclose(good[columns], expected.probabilities, atol=1e-5)
    np.testing.assert_allclose(good["distance"], expected.distance, rtol=1e-4)
    assert list(good["unsure"]) == list(expected.is_unsure)
    assert list(good["class"]) == [classifier.classes[code] for code in expected.probabilities.argmax(axis=1)]
    assert sum(found.n_by_class.values()) == 27
    assert {path.name for path in tmp_path.iterdir()} == {"images", "cells.csv"}


class StopError(Exception):
    """Stands for a kill."""


def stop_after(n):
    def progress(done, total):
        if done >= n:
            raise StopError

    return progress


@pytest.mark.parametrize("torn", [False, True])
def test_a_stopped_file_is_continued_and_ends_the_same(classifier, images, tmp_path, torn):
    cells, _ = list_cells([images])
    predict(classifier, cells, tmp_path / "whole.csv", embeddings=tmp_path / "whole")
    with pytest.raises(StopError):
        predict(classifier, cells, tmp_path / "cells.csv", embeddings=tmp_path / "parts", progress=stop_after(14))
    assert not (tmp_path / "cells.csv").exists()
    if torn:
        part = tmp_path / ".cells.csv.part"
        part.write_bytes(part.read_bytes()[:-5])
    with PredictionFile(tmp_path / "cells.csv", classifier, cells, 1.0, tmp_path / "parts") as file:
        assert file.n_done == (13 if torn else 14)
        predict_cells(classifier, cells, file, batch_size=7)
    assert (tmp_path / "cells.csv").read_text() == (tmp_path / "whole.csv").read_text()
    if not torn:
        written = [pd.read_parquet(tmp_path / name) for name in ("whole", "parts")]
        pd.testing.assert_frame_equal(*written)
        assert len(written[0]) == 30


def test_another_classifier_or_other_cells_begin_again(classifier, images, tmp_path):
    cells, _ = list_cells([images])
    with pytest.raises(StopError):
        predict(classifier, cells, tmp_path / "cells.csv", progress=stop_after(7))
    with PredictionFile(tmp_path / "cells.csv", classifier, cells.iloc[:-1], 1.0) as file:
        assert file.n_done == 0


def test_a_folder_of_embeddings_is_not_mixed_with_others(classifier, images, tmp_path):
    cells, _ = list_cells([images])
    predict(classifier, cells, tmp_path / "a.csv", embeddings=tmp_path / "folder")
    with pytest.raises(SettingError, match="is not empty; name a new folder"):
        predict(classifier, cells, tmp_path / "b.csv", embeddings=tmp_path / "folder")


def test_the_batch_size_does_not_change_the_rows(classifier, images, tmp_path):
    cells, _ = list_cells([images])
    predict(classifier, cells, tmp_path / "a.csv")
    with PredictionFile(tmp_path / "b.csv", classifier, cells, 1.0) as file:
        predict_cells(classifier, cells, file, batch_size=100)
    a, b = pd.read_csv(tmp_path / "a.csv"), pd.read_csv(tmp_path / "b.csv")
    pd.testing.assert_frame_equal(a, b, atol=1e-5)


def test_an_image_of_another_kind_is_unlike_the_training_data(classifier, discs, tmp_path):
    """The same cells under another stain."""
    folder = tmp_path / "foreign"
    folder.mkdir()
    for row in range(20):
        Image.fromarray(255 - discs.patches[row]).save(folder / f"{row}.png")
    found = predict(classifier, list_cells([folder])[0], tmp_path / "cells.csv")
    assert found.n_unfamiliar > 15
    own = predict(classifier, list_cells([discs.path])[0], tmp_path / "own.csv")
    assert own.n_unfamiliar < 5
