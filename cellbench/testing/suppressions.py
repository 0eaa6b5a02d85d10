"""What every suppression must do, as pytest tests."""

import math
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor

from cellbench.suppression import PAPER_SIZE, SUPPRESSIONS, Suppression, Weights, build_suppression
from cellbench.suppression.base import length_names, unit_of

NETWORK_SIZE, LATENT_DIM, N_PATCHES = 32, 8, 4


def example_params(method: str, native_size: int) -> dict[str, Any]:
    """Return the example hyperparameters of a method, with lengths in native px.

    Args:
        method: A name in `SUPPRESSIONS`.
        native_size: Side of the patches in px.

    Raises:
        NotFoundError: The method is unknown.
    """
    lengths = length_names(method)
    params = SUPPRESSIONS.get(method).example_params
    return {name: value * native_size / PAPER_SIZE if name in lengths else value for name, value in params.items()}


class SuppressionConformance:
    """Tests that every suppression passes.

    A subclass sets `method`, or overrides the fixture `method_name` to test several methods.
    """

    method: ClassVar[str]
    """Name of the method in `SUPPRESSIONS`."""

    @pytest.fixture
    def method_name(self) -> str:
        """Name of the method in `SUPPRESSIONS`."""
        return self.method

    @pytest.fixture
    def suppression(self, method_name: str) -> Suppression:
        """The suppression with its example hyperparameters, for patches of 256 px."""
        torch.manual_seed(0)  # a learned suppression starts with random weights
        params = example_params(method_name, PAPER_SIZE)
        return build_suppression(method_name, params, PAPER_SIZE, NETWORK_SIZE, LATENT_DIM)

    @pytest.fixture
    def patches(self, suppression: Suppression) -> Tensor:
        """Random patches, values in 0–1, shape (4, 3, source_size, source_size)."""
        size = suppression.source_size
        return torch.rand((N_PATCHES, 3, size, size), generator=torch.Generator().manual_seed(0))

    def test_the_record_describes_the_method(self, method_name: str) -> None:
        """The registry has a description for listings."""
        record = next(one for one in SUPPRESSIONS.items() if one.name == method_name)
        assert len(record.description) > 10

    def test_every_hyperparameter_has_a_description_and_a_unit(self, method_name: str) -> None:
        """The unit of a length is "px", so that a search space is scaled to the data set."""
        for name, field in SUPPRESSIONS.get(method_name).Params.model_fields.items():
            assert field.description, name
            extra = field.json_schema_extra
            assert isinstance(extra, dict), name
            assert "unit" in extra, name
            assert unit_of(field) != "px" or field.annotation is float, f"{name} is a length, so it must be a float"

    def test_views_and_weights_have_the_same_size(self, suppression: Suppression, patches: Tensor) -> None:
        """Inputs and targets have the side `view_size`, and weights are ≥ 0 and not all 0."""
        inputs, targets, weights = _all_outputs(suppression, patches, 0)
        side = suppression.view_size
        assert inputs.shape == targets.shape == (N_PATCHES, 3, side, side)
        assert weights.map.shape in {(1, 1, side, side), (N_PATCHES, 1, side, side)}
        assert weights.map.isfinite().all()
        assert (weights.map >= 0).all()
        assert weights.map.sum() > 0
        assert weights.penalty.shape == ()
        assert weights.r_max is None or weights.r_max.shape in {(1,), (N_PATCHES,)}

    def test_only_the_generator_decides_what_is_random(self, suppression: Suppression, patches: Tensor) -> None:
        """The same seed gives the same numbers. Another seed gives other numbers if `is_random`, else the same."""
        first, again, other = (_tensors(_all_outputs(suppression, patches, seed)) for seed in (1, 1, 2))
        assert all(map(torch.equal, first, again))
        assert (not all(map(torch.equal, first, other))) == suppression.is_random

    def test_evaluation_is_clean_and_needs_no_generator(self, suppression: Suppression, patches: Tensor) -> None:
        """In evaluation the encoder sees the patch itself or the centre crop, unless `hides_input`."""
        inputs, targets = suppression.view(patches, None, training=False)
        again, _ = suppression.view(patches, torch.Generator().manual_seed(9), training=False)
        assert torch.equal(inputs, targets) == (not suppression.hides_input)
        assert torch.equal(inputs, again)
        if suppression.fraction == 1:
            assert torch.equal(targets, patches)

    def test_the_expected_weights_need_no_generator(self, suppression: Suppression) -> None:
        """Without a generator the weights are the same at each call."""
        latent = torch.ones(N_PATCHES, LATENT_DIM)
        first, again = (suppression.weights(latent, suppression.view_size, None).map for _ in range(2))
        assert torch.equal(first, again)

    def test_the_input_is_not_changed_in_place(self, suppression: Suppression, patches: Tensor) -> None:
        """`view` returns new tensors or its input, unchanged."""
        before = patches.clone()
        _all_outputs(suppression, patches, 0)
        assert torch.equal(patches, before)

    def test_the_border_has_less_influence_than_the_centre(self, suppression: Suppression, patches: Tensor) -> None:
        """The border has a lower weight, more noise, or is cropped or hidden, unless `suppresses` is False."""
        inputs, _, weights = _all_outputs(suppression, patches, 0)
        side = suppression.view_size
        border, centre = (slice(0, 2), slice(0, 2)), (slice(side // 2 - 1, side // 2 + 1),) * 2
        has_lower_weight = weights.map[0, 0][border].mean() < 0.5 * weights.map[0, 0][centre].mean()
        seen, clean = suppression.view(patches, None, training=False)

        def changes_border(change: Tensor) -> Tensor:
            return change[:, :, *border].std() > 4 * change[:, :, *centre].std().clamp_min(1e-6)

        has_more_noise, is_hidden = changes_border(inputs - seen), changes_border(seen - clean)
        is_cropped = suppression.window < PAPER_SIZE
        assert bool(has_lower_weight or has_more_noise or is_cropped or is_hidden) == suppression.suppresses

    def test_an_epoch_trains_every_weight(self, method_name: str) -> None:
        """All metrics of a training are finite, and every weight of model and suppression gets a finite gradient."""
        from cellbench.training.configuration import Configuration, TrainingSettings
        from cellbench.training.trainer import Trainer, build

        native_size = 64
        settings = TrainingSettings(encoder="test_resnet", network_size=NETWORK_SIZE, batch_size=8, epochs=1)
        configuration = Configuration(
            method=method_name, params=example_params(method_name, native_size), latent_dim=2 * LATENT_DIM
        )
        size = build(configuration, settings, native_size, 0)[1].source_size
        images = np.random.default_rng(0).integers(0, 255, (20, size, size, 3), dtype=np.uint8)
        trainer = Trainer(configuration, settings, images, np.arange(20), native_size, 0, torch.device("cpu"))
        metrics = trainer.run_epoch()
        assert all(math.isfinite(value) for value in metrics.values())
        weights = trainer.suppression.weights(torch.zeros(1, 2 * LATENT_DIM), NETWORK_SIZE, None)
        assert ("radius/r_max" in metrics) == (weights.r_max is not None)
        assert (metrics["train/kl"] > 0) == trainer.suppression.variational
        for name, parameter in [*trainer.model.named_parameters(), *trainer.suppression.named_parameters()]:
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name


def _all_outputs(suppression: Suppression, patches: Tensor, seed: int) -> tuple[Tensor, Tensor, Weights]:
    """Return inputs, targets and weights of a training step."""
    generator = torch.Generator().manual_seed(seed)
    inputs, targets = suppression.view(patches, generator, training=True)
    latent = torch.ones(N_PATCHES, LATENT_DIM)
    return inputs, targets, suppression.weights(latent, suppression.view_size, generator)


def _tensors(outputs: tuple[Tensor, Tensor, Weights]) -> tuple[Tensor, Tensor, Tensor]:
    inputs, targets, weights = outputs
    return inputs, targets, weights.map
