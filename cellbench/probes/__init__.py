"""Probes: shallow classifiers that score embeddings, one file each."""

from pathlib import Path

from cellbench.probes.base import PROBES, FittedProbe, Probe
from cellbench.registry import import_modules

import_modules("cellbench.probes", Path(__file__).parent)

__all__ = ["PROBES", "FittedProbe", "Probe"]
