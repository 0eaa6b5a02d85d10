"""A loss mask without a radius: its weights are a profile, a weight for each distance to the centre."""

import math
from itertools import pairwise

import torch
from pydantic import Field, field_validator
from torch import Tensor

from cellbench.geometry import centre_distance
from cellbench.suppression import base, mask
from cellbench.suppression.base import SUPPRESSIONS


def read_profile(text: str) -> tuple[tuple[float, float], ...]:
    """Return distances and weights of a text such as `0:1 20:0.9 60:0`.

    Raises:
        ValueError: It is written otherwise, does not begin at 0 and rise, or has weights below 0 or nothing else.
    """
    try:
        knots = tuple(
            (float(distance), float(weight)) for distance, weight in (part.split(":") for part in text.split())
        )
    except ValueError:
        raise ValueError("a profile is written distance:weight, as in 0:1 20:0.9 60:0") from None
    if len(knots) < 2 or not all(math.isfinite(number) for knot in knots for number in knot):
        raise ValueError("a profile has two points or more, as in 0:1 20:0.9 60:0")
    if knots[0][0] != 0 or any(low[0] >= high[0] for low, high in pairwise(knots)):
        raise ValueError("the distances of a profile begin at 0 and rise")
    if min(weight for _, weight in knots) < 0 or knots[0][1] == 0:
        raise ValueError("the weights of a profile are 0 or more, and above 0 at the centre")
    return knots


@SUPPRESSIONS.register("mask_profile", "loss mask of a profile of weights, by default the estimated one")
class ProfileMask(base.Suppression):
    """A mask whose weight at distance d is read off a profile, piecewise linear and constant beyond its last point.

    The search space says `profile: auto`, for which a search puts the dependence of a ring's points on each other
    (`RadiusEstimate.weight_text`): 1 where all patches show the centre cell, falling as the cells end, 0 beyond them.
    """

    class Params(mask.MaskParams):
        """Hyperparameters of the profile mask."""

        profile: str = Field(
            ...,
            description="distance in px and weight of each point, from the centre outwards: 0:1 20:0.9 60:0",
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
        maps = weights.clamp_min(0)[None, None]  # (1, 1, size, size); sums of slopes end a little beside 0
        if self.params.normalize:
            maps = mask.normalised(maps)
        return base.Weights(maps, None, latent.new_zeros(()))
