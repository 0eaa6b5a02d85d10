"""What every floor must do, as pytest tests."""

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from safetensors.numpy import load, save

from cellbench.floors import FLOORS, CachedFloor, CellRadius, Floor, FloorContext, FloorMask
from cellbench.patches.patchset import PatchSet
from cellbench.patches.resize import resize_patch
from cellbench.patches.write import write_patch_set
from cellbench.testing.scores import example_patch_set
from cellbench.training.configuration import Configuration, TrainingSettings

SIZE, RADIUS = 96, 30.0
"""Side of the patches and radius of the cells in px."""


def example_context(native_size: int = SIZE, radius_px: float = RADIUS, seeds: tuple[int, ...] = (0,)) -> FloorContext:
    """Return a context that has all that a floor may need: a small encoder, a cell radius and a mask.

    Args:
        native_size: Side of the patches in px.
        radius_px: Radius of the cells in native px; the mask is 1.3 × as large.
        seeds: Seeds of random floors.
    """
    settings = TrainingSettings(encoder="test_resnet", network_size=16, views=4)
    mask = FloorMask(Configuration(method="mask_fixed", params={"r_max": 1.3 * radius_px}))
    return FloorContext(native_size, settings, seeds, CellRadius(radius_px, "annotated"), mask)


class FloorConformance:
    """Tests that every floor passes. They embed drawn or random patches.

    A subclass sets `floor_name`, or overrides the fixture `name` to test several floors.
    """

    floor_name: ClassVar[str]
    """Name of the floor in `FLOORS`."""

    @pytest.fixture
    def name(self) -> str:
        """Name of the floor in `FLOORS`."""
        return self.floor_name

    @pytest.fixture
    def kind(self, name: str) -> type[Floor]:
        """The class of the floor."""
        return FLOORS.get(name)

    @pytest.fixture
    def images(self) -> NDArray[np.uint8]:
        """Random patches, uint8, 12 × 96 × 96 × 3."""
        return np.random.default_rng(0).integers(0, 256, (12, SIZE, SIZE, 3), dtype=np.uint8)

    def test_the_record_describes_the_floor(self, name: str) -> None:
        """The registry has a description for listings."""
        record = next(one for one in FLOORS.items() if one.name == name)
        assert len(record.description) > 10

    def test_embeddings_are_finite_float32_of_one_width(self, kind: type[Floor], images: NDArray[np.uint8]) -> None:
        """The width does not depend on the patches, and no patch is no error."""
        floor = kind(example_context())
        patches = _resized(images, floor.source_size)
        fitted = floor.fit(patches[:8], 0)
        assert fitted.source_size == floor.source_size
        found = [fitted.embed(some) for some in (patches, patches[:1], patches[:0])]
        width = found[0].shape[1]
        assert width > 0
        assert [each.shape for each in found] == [(12, width), (1, width), (0, width)]
        assert all(each.dtype == np.float32 and np.isfinite(each).all() for each in found)
        assert (found[0].std(axis=0) > 0).any(), "different patches have different embeddings"
        np.testing.assert_allclose(found[1][0], found[0][0], rtol=1e-3, atol=1e-4)

    def test_a_pool_of_one_patch_or_of_equal_patches_is_enough(
        self, kind: type[Floor], images: NDArray[np.uint8]
    ) -> None:
        """The smallest pool, a pool without any difference, and black and white patches give finite embeddings."""
        floor = kind(example_context())
        patches = _resized(images, floor.source_size)
        plain = np.zeros_like(patches)
        plain[1::2] = 255
        for pool in (patches[:1], np.repeat(patches[:1], 3, axis=0), plain[:1], plain[:2]):
            fitted = floor.fit(pool, 0)
            for shown in (patches, plain):
                assert np.isfinite(fitted.embed(shown)).all()

    @pytest.mark.parametrize("native_size", [16, 17])
    def test_small_patches_can_be_embedded(self, kind: type[Floor], native_size: int) -> None:
        """The network size is the smallest that a search accepts, and an odd side is no error."""
        shape = (5, native_size, native_size, 3)
        images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        floor = kind(example_context(native_size, 5.0))
        patches = _resized(images, floor.source_size)
        assert np.isfinite(floor.fit(patches, 0).embed(patches)).all()

    def test_it_depends_on_its_arguments_alone(self, kind: type[Floor], images: NDArray[np.uint8]) -> None:
        """Fitting again gives the same bytes; global generators and the patches stay as they were."""
        floor = kind(example_context())
        patches = _resized(images, floor.source_size)
        before = patches.copy()
        torch_state, numpy_state = torch.get_rng_state(), str(np.random.get_state())  # noqa: NPY002
        first = floor.fit(patches, 0).embed(patches)
        assert torch.equal(torch_state, torch.get_rng_state())
        assert numpy_state == str(np.random.get_state())  # noqa: NPY002
        assert np.array_equal(patches, before)
        torch.manual_seed(7)
        assert kind(example_context()).fit(patches, 0).embed(patches).tobytes() == first.tobytes()
        other = floor.fit(patches, 1).embed(patches)
        assert not kind.is_random or not np.allclose(other, first), "another seed gives other numbers"

    def test_its_state_makes_it_again(self, kind: type[Floor], images: NDArray[np.uint8]) -> None:
        """The state fits into safetensors; a floor that is restored from it embeds to the same bytes."""
        floor = kind(example_context())
        patches = _resized(images, floor.source_size)
        fitted = floor.fit(patches, 3 if kind.is_random else 0)
        assert all(array.flags.c_contiguous for array in fitted.state().values()), "safetensors needs C order"
        again = kind.restore(load(save(fitted.state())))
        assert again.source_size == fitted.source_size
        assert again.embed(patches).tobytes() == fitted.embed(patches).tobytes()
        assert {name: array.tobytes() for name, array in again.state().items()} == {
            name: array.tobytes() for name, array in fitted.state().items()
        }

    def test_lengths_are_native_px(self, kind: type[Floor], images: NDArray[np.uint8]) -> None:
        """Twice the native size with twice the radius is the same; another radius is not, where one is used."""
        floor, double = kind(example_context()), kind(example_context(2 * SIZE, 2 * RADIUS))
        assert double.source_size == floor.source_size
        patches = _resized(images, floor.source_size)
        found = floor.fit(patches, 0).embed(patches)
        np.testing.assert_allclose(double.fit(patches, 0).embed(patches), found, rtol=1e-3, atol=1e-4)
        assert double.parameters != floor.parameters

    def test_its_parameters_tell_contexts_apart(self, kind: type[Floor], images: NDArray[np.uint8]) -> None:
        """Where a context changes the embeddings, it changes the parameters, which are the key of the cache."""
        context = example_context()
        mask = FloorMask(Configuration(method="mask_fixed", params={"r_max": 20.0}))
        changed = [
            replace(context, radius=CellRadius(15.0, "annotated")),
            replace(context, mask=mask),
            replace(context, mask=replace(mask, r_max=40.0)),
            *(
                replace(context, settings=context.settings.model_copy(update=change))
                for change in ({"views": 1}, {"network_size": 24}, {"representation": "sample"})
            ),
        ]
        plain = kind(context)
        patches = _resized(images[:3], plain.source_size)
        expected = plain.fit(patches, 0).embed(patches).tobytes()
        for other in changed:
            floor = kind(other)
            if floor.parameters == plain.parameters:
                assert floor.source_size == plain.source_size
                assert floor.fit(patches, 0).embed(patches).tobytes() == expected

    def test_neither_holdout_nor_labels_change_the_embeddings(
        self, name: str, kind: type[Floor], tmp_path: Path
    ) -> None:
        """With other patches in the holdout, or other labels, the labelled patches have the same embeddings."""
        drawn = example_patch_set(tmp_path / "drawn")
        holdout = drawn.index["in_holdout"].to_numpy(dtype=bool)
        patches = np.array(drawn.patches)
        patches[holdout] = np.random.default_rng(1).integers(0, 256, patches[holdout].shape, dtype=np.uint8)
        labels = drawn.index["label"].to_numpy(copy=True)
        swapped = np.where(labels == "small", "large", "small")
        given = ["group", "in_pool", "in_labelled", "in_holdout"]
        sets = {
            "same": (drawn.patches, labels),
            "holdout": (patches, labels),
            "labels": (drawn.patches, swapped),
        }
        found = {}
        context = example_context(drawn.card.native_size, 6.0)
        for what, (images, own) in sets.items():
            index = drawn.index[given].assign(label=own)
            patch_set = _written(tmp_path / what, images, index)
            floor = CachedFloor(name, kind(context), patch_set, (0,), tmp_path / "cache")
            found[what] = floor.embeddings(0, "labelled").tobytes(), floor.embeddings(0, "holdout").tobytes()
        assert found["holdout"][0] == found["same"][0], "it was fitted on the holdout"
        assert found["labels"] == found["same"], "it depends on labels"
        assert found["holdout"][1] != found["same"][1]


def _resized(images: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    return np.stack([resize_patch(image, size) for image in images])


def _written(folder: Path, patches: NDArray[np.uint8], index: pd.DataFrame) -> PatchSet:
    return write_patch_set(folder, patches=patches, index=index, name="drawn", seed=0)
