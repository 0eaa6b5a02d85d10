"""A loss mask without a radius: a profile gives the weight at each distance to the centre."""

import math
from itertools import pairwise
from typing import Any, ClassVar

import torch
from pydantic import Field, field_validator
from torch import Tensor

from cellbench.geometry import centre_distance
from cellbench.suppression import base, mask
from cellbench.suppression.base import SUPPRESSIONS


def read_profile(text: str) -> tuple[tuple[float, float], ...]:
    """Return the points of a profile that is written as in `0:1 20:0.9 60:0`.

    Returns:
        Pairs of distance (native px) and weight (≥ 0), at least two, by increasing distance.

    Raises:
        ValueError: The text has another form, the distances do not start at 0 and increase, or a weight is negative
            or 0 at the centre.
    """
    try:
        knots = tuple(
            (float(distance), float(weight)) for distance, weight in (part.split(":") for part in text.split())
        )
    except ValueError:
        raise ValueError("a profile is written distance:weight, for example 0:1 20:0.9 60:0") from None
    if len(knots) < 2 or not all(math.isfinite(number) for knot in knots for number in knot):
        raise ValueError("a profile needs at least two finite points, for example 0:1 20:0.9 60:0")
    if knots[0][0] != 0 or any(low[0] >= high[0] for low, high in pairwise(knots)):
        raise ValueError("the distances of a profile must start at 0 and increase")
    if min(weight for _, weight in knots) < 0 or knots[0][1] == 0:
        raise ValueError("the weights of a profile must be at least 0, and above 0 at the centre")
    return knots


@SUPPRESSIONS.register("mask_profile", "loss mask of a profile of weights, by default the estimated one")
class ProfileMask(base.Suppression):
    """A mask whose weight is a piecewise linear function of the distance, constant beyond the last point.

    Its search space sets `profile: auto`, which a search replaces by `RadiusEstimate.weight_text`. That profile is 1
    where all patches show the centre cell, falls where cells end, and is 0 beyond them.
    """

    example_params: ClassVar[dict[str, Any]] = {"profile": "0:1 40:0.9 80:0.1 100:0"}

    class Params(mask.MaskParams):
        """Hyperparameters of the profile mask."""

        profile: str = Field(
            ...,
            description="distance in px and weight of each point from the centre outwards: 0:1 20:0.9 60:0",
            json_schema_extra={"unit": "", "auto": "profile"},
        )

        @field_validator("profile")
        @classmethod
        def _can_be_read(cls, text: str) -> str:
            read_profile(text)
            return text

    params: Params

    def weights(self, latent: Tensor, size: int, generator: torch.Generator | None) -> base.Weights:
        """Return the weights of the profile; see `Suppression.weights`."""
        distance = centre_distance(size, device=latent.device) * (self.native_size / size)
        knots = read_profile(self.params.profile)
        weights, slope_before = torch.full_like(distance, knots[0][1]), 0.0
        for (start, low), (end, high) in pairwise((*knots, (math.inf, knots[-1][1]))):
            slope = (high - low) / (end - start)
            weights = weights + (slope - slope_before) * (distance - start).clamp_min(0)  # the slope changes here
            slope_before = slope
        maps = weights.clamp_min(0)[None, None]  # (1, 1, size, size); the sum of slopes can round to slightly below 0
        if self.params.normalize:
            maps = mask.normalised(maps)
        return base.Weights(maps, None, latent.new_zeros(()))
