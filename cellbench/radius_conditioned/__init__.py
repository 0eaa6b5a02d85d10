"""Radius-conditioned training: one network trained with random radii, then scored at any radius."""

from cellbench.radius_conditioned.curve import CurvePoint, response_curve
from cellbench.radius_conditioned.mask import (
    FixedRadius,
    RadiusConditioned,
    RadiusConditionedMasked,
    RadiusConditionedParams,
)
from cellbench.radius_conditioned.network import ConditionalAutoEncoder
from cellbench.radius_conditioned.trainer import RadiusConditionedTrainer, configuration_of, fine_tune

__all__ = [
    "ConditionalAutoEncoder",
    "CurvePoint",
    "FixedRadius",
    "RadiusConditioned",
    "RadiusConditionedMasked",
    "RadiusConditionedParams",
    "RadiusConditionedTrainer",
    "configuration_of",
    "fine_tune",
    "response_curve",
]
