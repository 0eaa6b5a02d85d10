"""One training for all radii: the radius is drawn for each patch and told to the network, then read off at any."""

from cellbench.every_radius.curve import Response, response_curve
from cellbench.every_radius.mask import EveryRadius, EveryRadiusMasked, EveryRadiusParams, SeenAt
from cellbench.every_radius.network import ToldAutoEncoder
from cellbench.every_radius.training import EveryRadiusTrainer, configuration_of, fine_tune

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
