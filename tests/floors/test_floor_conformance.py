"""Every registered floor passes the conformance suite, and a floor that breaks a rule fails it."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cellbench.floors import FLOORS, FittedFloor, Floor
from cellbench.registry import Record
from cellbench.testing.floors import SIZE, FloorConformance


class TestEveryFloor(FloorConformance):
    @pytest.fixture(params=FLOORS.names())
    def name(self, request):
        return request.param


def test_floors_are_found_without_a_list_of_them():
    assert {"patch_dictionary", "pca", "pca_masked", "random", "ring_profile"} <= set(FLOORS.names())


class MeanColour(Floor):
    """The mean of each channel: the smallest floor that passes."""

    source_size = 8
    parameters = {}  # noqa: RUF012

    def __init__(self, context):
        pass

    def fit(self, pool, seed):
        return FittedMean()

    @classmethod
    def restore(cls, state):
        return FittedMean()


class FittedMean(FittedFloor):
    source_size = 8

    def embed(self, patches, device="cpu"):
        return patches.astype(np.float32).mean(axis=(1, 2))

    def state(self):
        return {}


class GlobalDraws(MeanColour):
    """Draws from the global generator."""

    def fit(self, pool, seed):
        np.random.random()  # noqa: NPY002
        return FittedMean()


class OfThePool(FittedMean):
    """Is centred on the pool, and forgets it in its state."""

    def __init__(self, pool):
        self.mean = FittedMean().embed(pool).mean(axis=0)

    def embed(self, patches, device="cpu"):
        return super().embed(patches) - self.mean


class Forgetful(MeanColour):
    def fit(self, pool, seed):
        return OfThePool(pool)


class Relative(MeanColour):
    """Its embedding of a patch depends on the others."""

    def fit(self, pool, seed):
        class Fitted(FittedMean):
            def embed(self, patches, device="cpu"):
                found = super().embed(patches)
                return found - found.mean(axis=0) if len(found) else found

        return Fitted()


class Native(MeanColour):
    """Uses a length that it does not scale, and hides it from its parameters."""

    def __init__(self, context):
        self.radius = context.radius.px

    def fit(self, pool, seed):
        class Fitted(FittedMean):
            def embed(self, patches, device="cpu"):
                return super().embed(patches) + np.float32(radius)

        radius = self.radius
        return Fitted()


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (12, SIZE, SIZE, 3), dtype=np.uint8)


def test_the_smallest_floor_passes(images, tmp_path, monkeypatch):
    monkeypatch.setitem(FLOORS._records, "mean", Record("mean", MeanColour, "mean of each channel"))
    suite = FloorConformance()
    suite.test_the_record_describes_the_floor("mean")
    suite.test_embeddings_are_finite_float32_of_one_width(MeanColour, images)
    suite.test_it_depends_on_its_arguments_alone(MeanColour, images)
    suite.test_its_state_makes_it_again(MeanColour, images)
    suite.test_its_parameters_tell_contexts_apart(MeanColour, images)
    suite.test_neither_holdout_nor_labels_change_the_embeddings("mean", MeanColour, tmp_path)


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        (GlobalDraws, "it_depends_on_its_arguments_alone"),
        (Relative, "embeddings_are_finite_float32_of_one_width"),
        (Native, "lengths_are_native_px"),
        (Native, "its_parameters_tell_contexts_apart"),
    ],
)
def test_a_broken_floor_fails(kind, rule, images):
    with pytest.raises(AssertionError):
        getattr(FloorConformance(), f"test_{rule}")(kind, images)


def test_a_floor_that_forgets_its_pool_fails(images):
    with pytest.raises(AssertionError):
        FloorConformance().test_its_state_makes_it_again(Forgetful, images)


def test_another_package_adds_a_floor_by_an_entry_point(tmp_path):
    (tmp_path / "greys.py").write_text(
        "from cellbench.floors import Floor\nclass Grey(Floor):\n    '''Mean grey value.'''\n"
    )
    folder = tmp_path / "greys-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: greys\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text("[cellbench.floors]\ngrey = greys:Grey\n")
    code = "from cellbench.floors import FLOORS; print('grey' in FLOORS.names(), FLOORS.get('grey').__name__)"
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])
    environment = os.environ | {"PYTHONPATH": path}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert found.stdout.split() == ["True", "Grey"]
