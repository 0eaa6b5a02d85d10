"""The floor `random`: the untrained encoder."""

import numpy as np
import pytest

from cellbench.errors import DataError
from cellbench.floors import FLOORS, CellRadius, FloorContext
from cellbench.floors.base import packed, unpacked
from cellbench.training.configuration import TrainingSettings

Untrained = FLOORS.get("random")


def context(**settings):
    return FloorContext(40, TrainingSettings(**settings), (0,), CellRadius(None, "not used"))


def test_the_untrained_encoder_sees_the_cell(discs):
    """timm's ResNet-18 starts with closed residual branches, whose shortcuts see a corner of the patch."""
    patches = np.array(discs.resized(32, discs.path / "cache")[:4])
    fitted = Untrained(context(encoder="resnet18", network_size=32, views=1)).fit(patches, 1)
    before = fitted.embed(patches)
    patches[:, 14:18, 14:18] = 255 - patches[:, 14:18, 14:18]
    assert (np.abs(fitted.embed(patches) - before).max(axis=1) > 1e-3).all()


def test_a_sample_of_z_is_drawn_where_the_search_embeds_samples(discs):
    patches = np.array(discs.resized(20, discs.path / "cache")[:4])
    small = {"encoder": "test_resnet", "network_size": 20}
    mean, sample = (
        Untrained(context(**small, representation=each)).fit(patches, 1).embed(patches) for each in ("mean", "sample")
    )
    assert not np.allclose(mean, sample)


def test_a_seed_that_gives_other_weights_here_is_refused():
    fitted = Untrained(context(encoder="test_resnet", network_size=20)).fit(np.zeros((1, 20, 20, 3), np.uint8), 1)
    about = unpacked(fitted.state())
    with pytest.raises(DataError, match="its seed gives other initial weights here"):
        Untrained.restore({"about": packed(about | {"weights": "0" * 64})})
    with pytest.raises(DataError, match="not that of the floor random"):
        Untrained.restore({"about": packed({"seed": 1})})


def test_the_file_of_first_weights_counts_by_its_content(tmp_path):
    path = tmp_path / "weights.safetensors"
    found = []
    for content in (b"a", b"b"):
        path.write_bytes(content)
        found.append(Untrained(context(encoder_weights=path)).parameters)
    assert found[0] != found[1]
