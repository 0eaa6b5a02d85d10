"""The table of suppressions: a method is one class in its own file, registered here by name."""

from cellbench.registry import Registry
from cellbench.suppression.base import Suppression

SUPPRESSIONS: Registry[type[Suppression]] = Registry("method", entry_points="cellbench.suppressions")
