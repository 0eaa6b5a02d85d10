"""A loss mask that is a square around the centre of the patch."""

from pathlib import Path
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from cellbench.suppression import SUPPRESSIONS, Suppression, Weights
from cellbench.suppression.mask import MaskParams, normalised


@SUPPRESSIONS.register("mask_square", "loss mask of a square around the centre")
class SquareMask(Suppression):
    """A mask with weight 1 inside a square around the centre and 0 outside."""

    search_space = Path(__file__).with_suffix(".yaml")
    example_params: ClassVar[dict[str, Any]] = {"half_side": 50.0}

    class Params(MaskParams):
        """Hyperparameters of the square mask."""

        half_side: float = Field(..., gt=0, description="half the side of the square", json_schema_extra={"unit": "px"})

    params: Params

    def weights(self, latent: Tensor, size: int, generator: torch.Generator | None) -> Weights:
        """Return the weights of the square; see `Suppression.weights`."""
        pixel = self.native_size / size  # native px
        axis = (torch.arange(size, device=latent.device, dtype=latent.dtype) - (size - 1) / 2).abs() * pixel
        inside = (axis <= self.params.half_side).to(latent.dtype)
        maps = (inside[:, None] * inside[None])[None, None]  # (1, 1, size, size)
        return Weights(normalised(maps) if self.params.normalize else maps, None, latent.new_zeros(()))
