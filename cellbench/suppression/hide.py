"""An input that is hidden beyond a soft disc, with a loss mask on the whole patch as target."""

from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from cellbench.geometry import centre_distance
from cellbench.suppression import mask
from cellbench.suppression.base import SUPPRESSIONS

SOFTNESS = 0.15
"""Width of the sigmoid at the rim of the disc, as a fraction of the radius."""
GREY = 0.5
"""Value of hidden pixels and channels, in 0–1."""


@SUPPRESSIONS.register("hide", "input hidden beyond a soft disc of the cell, with a loss mask")
class Hide(mask.FixedMask):
    """Hides the input beyond a soft disc of radius `r_hide`, in training and in evaluation.

    The encoder sees w·x + (1 − w)·0.5 with w = sigmoid((1 − d / r_hide) / 0.15), where d is the distance to the centre.
    The target of the decoder is the clean patch x. Its loss mask is that of `mask_fixed`, with the radius `r_max`.
    `r_hide` is limited as r_max is.
    """

    hides_input = True
    example_params: ClassVar[dict[str, Any]] = {"r_hide": 50.0, "r_max": 60.0}

    class Params(mask.FixedMask.Params):
        """Hyperparameters of the hidden input and of the loss mask."""

        r_hide: float = Field(
            ...,
            gt=0,
            description="radius of the disc that the encoder sees",
            json_schema_extra={"unit": "px", "auto": "r_hide"},
        )

    params: Params

    def seen(self, size: int, device: torch.device | str = "cpu") -> Tensor:
        """Return the share of each pixel that the encoder sees, values in 0–1, shape (size, size)."""
        low, high = self.radius_limits
        radius = min(max(self.params.r_hide, low), high)
        distance = centre_distance(size, device=device) * (self.native_size / size)
        return torch.sigmoid((1 - distance / radius) / SOFTNESS)

    def view(self, patches: Tensor, generator: torch.Generator | None, training: bool) -> tuple[Tensor, Tensor]:
        """Return hidden inputs and clean targets; see `Suppression.view`."""
        share = self.seen(patches.shape[-1], patches.device).to(patches.dtype)
        return share * patches + (1 - share) * GREY, patches
