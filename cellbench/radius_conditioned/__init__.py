"""One training for all radii: the radius is drawn for each patch and told to the network, then read off at any."""

from cellbench.radius_conditioned.curve import Response, response_curve
from cellbench.radius_conditioned.mask import EveryRadius, EveryRadiusMasked, EveryRadiusParams, SeenAt
from cellbench.radius_conditioned.network import ToldAutoEncoder
from cellbench.radius_conditioned.trainer import EveryRadiusTrainer, configuration_of, fine_tune

__all__ = [
    "EveryRadius",
    "EveryRadiusMasked",
    "EveryRadiusParams",
    "EveryRadiusTrainer",
    "Response",
    "SeenAt",
    "ToldAutoEncoder",
    "configuration_of",
    "fine_tune",
    "response_curve",
]
