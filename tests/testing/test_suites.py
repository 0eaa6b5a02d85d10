"""Each test of the conformance suites fails for a suppression or importer that breaks its rule."""

import dataclasses

import numpy as np
import pytest
import torch

from cellbench.errors import DataError
from cellbench.importers import IMPORTERS, ImportOptions
from cellbench.importers.images import ImageReader
from cellbench.suppression import Suppression, Weights
from cellbench.suppression.base import SuppressionParams
from cellbench.testing import ImporterConformance, SuppressionConformance, example_params
from cellbench.testing.importers import LABELS, N_PATCHES, SIZE


class Unmarked(Suppression):
    """Draws random numbers, but `is_random` is False."""

    def view(self, patches, generator, training):
        noisy = patches + torch.randn(patches.shape, generator=generator) if training else patches
        return noisy, noisy


class InPlace(Suppression):
    def view(self, patches, generator, training):
        return patches.mul_(0.5), patches


class NoisyEvaluation(Suppression):
    def view(self, patches, generator, training):
        return patches + 0.1, patches


class Negative(Suppression):
    def weights(self, latent, size, generator):
        return Weights(-torch.ones(1, 1, size, size), None, latent.new_zeros(()))


class Stateful(Suppression):
    calls = 0

    def weights(self, latent, size, generator):
        self.calls += 1
        return Weights(self.calls * torch.ones(1, 1, size, size), None, latent.new_zeros(()))


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        (Unmarked, "only_the_generator_decides_what_is_random"),
        (InPlace, "the_input_is_not_changed_in_place"),
        (NoisyEvaluation, "evaluation_is_clean_and_needs_no_generator"),
        (Negative, "views_and_weights_have_the_same_size"),
        (Stateful, "only_the_generator_decides_what_is_random"),
        (Suppression, "the_border_has_less_influence_than_the_centre"),
    ],
)
def test_a_broken_suppression_fails(kind, rule):
    patches = torch.rand((4, 3, 32, 32), generator=torch.Generator().manual_seed(0))
    with pytest.raises(AssertionError):
        getattr(SuppressionConformance(), f"test_{rule}")(kind(SuppressionParams(), 256, 32, 8), patches)


def test_the_expected_weights_must_be_the_same_at_each_call():
    with pytest.raises(AssertionError):
        SuppressionConformance().test_the_expected_weights_need_no_generator(Stateful(SuppressionParams(), 256, 32, 8))


def test_lengths_of_an_example_are_scaled_and_other_values_are_not():
    assert example_params("mask_sampled", 64) == {"r_mean": 15.0, "r_std": 5.0}
    assert example_params("mask_profile", 64) == example_params("mask_profile", 256)
    assert example_params("vae", 64) == {}


@pytest.fixture
def broken(monkeypatch):
    """Return a function that replaces the reading of the format `folder`."""
    folder = IMPORTERS.get("folder")

    def replace(change):
        changed = dataclasses.replace(folder, read=lambda path, options: change(folder.read(path, options)))
        monkeypatch.setitem(
            IMPORTERS._records, "folder", dataclasses.replace(IMPORTERS._records["folder"], thing=changed)
        )
        return changed

    return replace


@pytest.fixture
def patches():
    return np.random.default_rng(0).integers(0, 256, (N_PATCHES, SIZE, SIZE, 3), dtype=np.uint8)


@pytest.fixture
def path(patches, tmp_path):
    (tmp_path / "example").mkdir()
    return IMPORTERS.get("folder").write_example(tmp_path / "example", patches, LABELS)


def test_an_importer_that_mixes_up_labels_fails(broken, path, patches, tmp_path):
    def mixed_up(manifest):
        labels = manifest.table["label"].to_numpy()[::-1].copy()
        return dataclasses.replace(manifest, table=manifest.table.assign(label=labels))

    suite = ImporterConformance()
    suite.test_patches_keep_their_pixels_and_labels("folder", path, patches, tmp_path / "right")
    broken(mixed_up)
    with pytest.raises(AssertionError):
        suite.test_patches_keep_their_pixels_and_labels("folder", path, patches, tmp_path / "wrong")


def test_an_importer_that_decodes_while_it_reads_fails(broken, path, monkeypatch):
    def eager(manifest):
        manifest.reader.image(manifest.table["source"].iloc[0])
        return manifest

    with pytest.raises(pytest.fail.Exception, match="an image was decoded"):
        ImporterConformance().test_reading_decodes_no_image(broken(eager), path, monkeypatch)


def test_an_importer_that_hides_a_damaged_image_fails(broken, path, tmp_path):
    class Lenient(ImageReader):
        def image(self, source):
            try:
                return super().image(source)
            except DataError:
                return np.zeros((SIZE, SIZE, 3), np.uint8)

    importer = broken(lambda manifest: dataclasses.replace(manifest, reader=Lenient()))
    assert importer.read(path, ImportOptions()).problems == []
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        ImporterConformance().test_damaged_images_are_named_and_nothing_is_written("folder", importer, path, tmp_path)
