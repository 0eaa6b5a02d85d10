"""One training for all radii: the radius is drawn for each patch and told to the network, then read off at any."""

from cellbench.radius_conditioned.curve import CurvePoint, response_curve
from cellbench.radius_conditioned.mask import (
    RadiusConditioned,
    RadiusConditionedMasked,
    RadiusConditionedParams,
    SeenAt,
)
from cellbench.radius_conditioned.network import ConditionalAutoEncoder
from cellbench.radius_conditioned.trainer import RadiusConditionedTrainer, configuration_of, fine_tune

__all__ = [
    "ConditionalAutoEncoder",
    "CurvePoint",
    "RadiusConditioned",
    "RadiusConditionedMasked",
    "RadiusConditionedParams",
    "RadiusConditionedTrainer",
    "SeenAt",
    "configuration_of",
    "fine_tune",
    "response_curve",
]
