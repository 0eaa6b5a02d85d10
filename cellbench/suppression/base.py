"""The interface of all suppressions: encoder input, decoder target, and the weight of each pixel in the loss."""

from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from cellbench.registry import Registry


class Weights(NamedTuple):
    """Weight of each pixel of a batch in the reconstruction loss.

    Attributes:
        map: Weights ≥ 0, shape (B, 1, H, W), or (1, 1, H, W) where all patches share one map.
        r_max: Radius of each map in native px, shape (B,) or (1,); None for a method without a radius.
        penalty: Scalar that is added to the loss.
    """

    map: Tensor
    r_max: Tensor | None
    penalty: Tensor


class SuppressionParams(BaseModel):
    """Hyperparameters of a suppression.

    Each field has a description and, in `json_schema_extra`, a `unit`. Fields with the unit "px" are lengths in native
    px of the data set.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Suppression(nn.Module):
    """Base class of methods that lower the influence of the surroundings of the centre cell.

    Subclasses override `view`, `weights` or both. These two are pure: they keep no state between calls, run on the
    device of their inputs, and draw random numbers only from the generator that they receive.

    Args:
        params: Hyperparameters; lengths in native px.
        native_size: Side of the data set's patches in px.
        network_size: Side in px that patches are resized to for training.
        latent_dim: Number of latent units. Suppressions that learn from the latent use it.
    """

    Params: ClassVar[type[SuppressionParams]] = SuppressionParams
    variational: ClassVar[bool] = True
    """Whether the method trains a VAE. Otherwise it trains a residual auto-encoder without a KL term."""
    latent_dim: ClassVar[int] = 256
    """Number of latent units in the paper."""
    fraction: ClassVar[float] = 1.0
    """Side of the square that the encoder sees, as a fraction of the side of the patch."""
    suppresses: ClassVar[bool] = True
    """Whether the method lowers the influence of the surroundings. False for a baseline."""
    hides_input: ClassVar[bool] = False
    """Whether the encoder sees a changed patch in evaluation as well. Otherwise it sees what it reproduces."""
    is_random: ClassVar[bool] = False
    """Whether `view` or `weights` draws random numbers during training."""
    example_params: ClassVar[dict[str, Any]] = {}
    """Hyperparameters that the conformance suite uses; lengths in px of a 256 px patch."""
    search_space: ClassVar[Path | None] = None
    """YAML file of the search space, for a method of another package. None: `search_spaces/METHOD.yaml`."""

    def __init__(self, params: SuppressionParams, native_size: int, network_size: int, latent_dim: int) -> None:
        super().__init__()
        self.params = params
        self.native_size = native_size
        self.network_size = network_size
        self.n_latent = latent_dim

    @property
    def source_size(self) -> int:
        """Side in px of the patches that `view` expects."""
        return self.network_size

    @property
    def view_size(self) -> int:
        """Side in px of the encoder's input and the decoder's output."""
        return self.network_size

    @property
    def window(self) -> float:
        """Side in native px of the centred square that a view covers in evaluation; it need not be a whole number."""
        return self.fraction * self.native_size

    def view(self, patches: Tensor, generator: torch.Generator | None, training: bool) -> tuple[Tensor, Tensor]:
        """Return the encoder's inputs and the decoder's targets.

        Args:
            patches: Values in 0–1, shape (B, 3, source_size, source_size).
            generator: Source of randomness, on the device of `patches`. Evaluation does not use it.
            training: In evaluation the encoder sees the clean patch, or the centre crop of a crop method, unless the
                method `hides_input`. The target is clean in evaluation.

        Returns:
            Inputs and targets, each of shape (B, 3, view_size, view_size).
        """
        return patches, patches

    def weights(self, latent: Tensor, size: int, generator: torch.Generator | None) -> Weights:
        """Return the weight of each pixel in the reconstruction loss.

        Args:
            latent: Latent of the batch, shape (B, latent_dim).
            size: Side of the map in px.
            generator: Source of randomness. None returns the expected map, which figures and floors use.
        """
        one = latent.new_ones((1, 1, size, size))
        return Weights(one, None, latent.new_zeros(()))

    def evidence(self, targets: Tensor, latent: Tensor) -> Tensor:
        """Return a scalar that is added to the loss, for a radius that is not learned from the reconstruction.

        Args:
            targets: Targets of the decoder, values in 0–1, shape (B, 3, view_size, view_size).
            latent: Latent of the batch, shape (B, latent_dim).

        Returns:
            Shape (); 0 by default.
        """
        return latent.new_zeros(())


def length_names(method: str) -> list[str]:
    """Return the names of the hyperparameters of a method that are lengths: those with the unit "px".

    Raises:
        NotFoundError: The method is unknown.
    """
    fields = SUPPRESSIONS.get(method).Params.model_fields
    return [name for name, field in fields.items() if unit_of(field) == "px"]


def unit_of(field: Any) -> str:
    """Return the unit that the pydantic field of a hyperparameter declares, or an empty string."""
    extra = field.json_schema_extra
    return str(extra.get("unit", "")) if isinstance(extra, dict) else ""


SUPPRESSIONS: Registry[type[Suppression]] = Registry("method", entry_points="cellbench.suppressions")
