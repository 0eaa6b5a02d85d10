"""A classifier of cells: a trained encoder with a probe on its embeddings."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file as load_arrays
from safetensors.numpy import save as save_arrays

from cellbench.errors import DataError
from cellbench.input_files import load_json, read_text
from cellbench.models import AutoEncoder
from cellbench.patches.patchset import PatchSet
from cellbench.patches.resize import resize_patch
from cellbench.probes import PROBES, FittedProbe
from cellbench.suppression import Suppression
from cellbench.training.embedding import embed
from cellbench.trials.files import read_encoder
from cellbench.trials.names import ENCODER, MODEL

PROBE = "probe.safetensors"
CLASSES = "classes.json"


@dataclass(frozen=True)
class Classifier:
    """Classifies the cell in the centre of a patch.

    Attributes:
        model: The trained auto-encoder.
        suppression: Its suppression, which selects what the encoder sees.
        probe: Probe that is fitted on the embeddings of labelled patches.
        classes: Names of the classes, in the order of the probe's outputs.
        native_size: Side in px of the patches that it classifies.
        views: Symmetries of the square that an embedding is the mean of.
    """

    model: AutoEncoder
    suppression: Suppression
    probe: FittedProbe
    classes: tuple[str, ...]
    native_size: int
    views: int

    @classmethod
    def fit(cls, trial: Path, patch_set: PatchSet, cache: Path, seed: int = 0) -> "Classifier":
        """Return a classifier whose probe is fitted on all labelled patches of a data set.

        Args:
            trial: Folder of a finished trial that kept its encoder.
            patch_set: The data set that the trial was trained on.
            cache: Folder of resized copies.
            seed: Seed of the probe.

        Raises:
            DataError: The folder has no readable encoder.
        """
        model, suppression, settings = read_encoder(trial)
        rows = patch_set.rows("labelled")
        source = patch_set.resized(suppression.source_size, cache)
        features = embed(model, suppression, source, rows, torch.device("cpu"), views=settings.views)
        probe = fit_probe(features, patch_set.labels(rows), len(patch_set.card.classes), seed)
        classes = tuple(patch_set.card.classes)
        return cls(model, suppression, probe, classes, patch_set.card.native_size, settings.views)

    @classmethod
    def load(cls, directory: Path) -> "Classifier":
        """Return a saved classifier; no code in its files is run.

        Args:
            directory: Folder that `save` wrote.

        Raises:
            DataError: A file of the classifier is missing or damaged.
        """
        model, suppression, settings = read_encoder(directory)
        try:
            arrays = load_arrays(directory / PROBE)
            about = load_json(read_text(directory / CLASSES))
            n_layers = sum(name.startswith("weight") for name in arrays)
            probe = Probe(
                Standardizer(arrays["mean"], arrays["scale"]),
                tuple(arrays[f"weight{number}"] for number in range(n_layers)),
                tuple(arrays[f"bias{number}"] for number in range(n_layers)),
            )
            return cls(model, suppression, probe, tuple(about["classes"]), about["native_size"], settings.views)
        except Exception as error:
            raise DataError(f"{directory} has no classifier that can be read ({error}).") from error

    def save(self, directory: Path, trial: Path) -> None:
        """Write the weights as safetensors and the rest as JSON.

        Args:
            directory: Folder to write to; created where it is missing.
            trial: Folder of the trial that the encoder comes from; its encoder files are copied.
        """
        directory.mkdir(parents=True, exist_ok=True)
        for name in (ENCODER, MODEL):
            (directory / name).write_bytes((trial / name).read_bytes())
        arrays = {"mean": self.probe.standardizer.mean, "scale": self.probe.standardizer.scale}
        for number, (weight, bias) in enumerate(zip(self.probe.weights, self.probe.biases, strict=True)):
            arrays |= {f"weight{number}": weight, f"bias{number}": bias}
        plain = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        (directory / PROBE).write_bytes(save_arrays(plain))
        about = {"classes": self.classes, "native_size": self.native_size}
        (directory / CLASSES).write_text(json.dumps(about, indent=1))

    def probabilities(self, patches: np.ndarray) -> np.ndarray:
        """Return class probabilities in 0–1, shape (N, classes).

        Args:
            patches: uint8, shape (N, H, H, 3), where H is the native size in px.

        Raises:
            DataError: The patches have another shape or dtype.
        """
        size = self.native_size
        if patches.dtype != np.uint8 or patches.shape[1:] != (size, size, 3):
            raise DataError(
                f"The classifier accepts uint8 patches of N × {size} × {size} × 3, got {patches.dtype} of "
                f"{' × '.join(map(str, patches.shape))}."
            )
        if len(patches) == 0:
            return np.empty((0, len(self.classes)))
        source = np.stack([resize_patch(patch, self.suppression.source_size) for patch in patches])
        rows = np.arange(len(source))
        features = embed(self.model, self.suppression, source, rows, torch.device("cpu"), views=self.views)
        return self.probe.probabilities(features)

    def predict(self, patches: np.ndarray) -> Sequence[str]:
        """Return the name of the most probable class of each patch, from patches as for `probabilities`."""
        return [self.classes[code] for code in self.probabilities(patches).argmax(axis=1)]
