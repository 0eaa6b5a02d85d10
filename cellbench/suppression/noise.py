"""Gaussian noise that grows towards the border (the paper's section 3.1)."""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from cellbench.geometry import centre_distance
from cellbench.suppression import base
from cellbench.suppression.base import SUPPRESSIONS


@SUPPRESSIONS.register("noise", "Gaussian noise that grows towards the border")
class Noise(base.Suppression):
    """Adds N(0, σ² · min(1, d/half)²) to each pixel and channel during training (equations 1 and 2).

    `d` is the distance to the patch centre; `half` is half the side of the patch. The noise is drawn at the network
    size and is not clipped, so inputs can lie outside 0–1.
    """

    is_random = True

    class Params(base.SuppressionParams):
        """Hyperparameters of the noise."""

        sigma: float = Field(
            100.0, ge=0, description="standard deviation at the border", json_schema_extra={"unit": "0–255"}
        )
        target: Literal["noisy", "clean"] = Field(
            "noisy",
            description="target of the decoder: the noisy image, as in section 3.1, or the clean image",
            json_schema_extra={"unit": ""},
        )

    params: Params

    def scale(self, size: int, device: torch.device | str = "cpu") -> Tensor:
        """Return the standard deviation of the noise for pixel values in 0–1, shape (size, size)."""
        distance = centre_distance(size, device=device)
        return self.params.sigma / 255 * (distance / (size / 2)).clamp_max(1.0)

    def view(self, patches: Tensor, generator: torch.Generator | None, training: bool) -> tuple[Tensor, Tensor]:
        """Return noisy inputs, and noisy or clean targets; see `Suppression.view`."""
        if not training:
            return patches, patches
        noise = torch.randn(patches.shape, generator=generator, device=patches.device, dtype=patches.dtype)
        noisy = patches + noise * self.scale(patches.shape[-1], patches.device).to(patches.dtype)
        return noisy, noisy if self.params.target == "noisy" else patches
