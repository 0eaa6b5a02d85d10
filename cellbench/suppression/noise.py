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
    """Adds N(0, σ² · min(1, d/half)²) to each pixel and channel while training (equations 1 and 2).

    `d` is the distance to the patch centre, `half` is half the patch's side. The noise is drawn at the network size
    and is not clipped, so inputs may leave 0–1.
    """

    class Params(base.SuppressionParams):
        """Hyperparameters of the noise."""

        sigma: float = Field(
            100.0, ge=0, description="standard deviation at the border", json_schema_extra={"unit": "0–255"}
        )
        target: Literal["noisy", "clean"] = Field(
            "noisy",
            description="what is reproduced: the noisy image, as section 3.1 argues, or the clean one",
            json_schema_extra={"unit": ""},
        )

    params: Params

    def scale(self, size: int, device: torch.device | str = "cpu") -> Tensor:
        """Return the noise's standard deviation for values in 0–1, shape (size, size)."""
        distance = centre_distance(size, device=device)
        return self.params.sigma / 255 * (distance / (size / 2)).clamp_max(1.0)

    def view(self, patches: Tensor, generator: torch.Generator | None, training: bool) -> tuple[Tensor, Tensor]:
        """Return the noisy patches, and the same or the clean ones as targets; see `Suppression.view`."""
        if not training:
            return patches, patches
        noise = torch.randn(patches.shape, generator=generator, device=patches.device, dtype=patches.dtype)
        noisy = patches + noise * self.scale(patches.shape[-1], patches.device).to(patches.dtype)
        return noisy, noisy if self.params.target == "noisy" else patches
