"""A classifier of cells: a representation, trained or a floor, with a probe on its embeddings."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file as load_arrays
from safetensors.numpy import save as save_arrays

from cellbench.classification.representation import FLOOR, Representation, TrainedEncoder, read_representation
from cellbench.errors import DataError
from cellbench.input_files import load_json, read_text
from cellbench.patches.patchset import PatchSet
from cellbench.patches.resize import resize_patch
from cellbench.probes import PROBES, FittedProbe
from cellbench.trials.names import ENCODER, MODEL

PROBE = "probe.safetensors"
CLASSES = "classes.json"


@dataclass(frozen=True)
class Classifier:
    """Classifies the cell in the centre of a patch.

    Attributes:
        representation: Embeds the patches.
        probe: Probe that is fitted on the embeddings of labelled patches.
        probe_name: Its name in the registry of probes.
        classes: Names of the classes, in the order of the probe's outputs.
        native_size: Side in px of the patches that it classifies.
    """

    representation: Representation
    probe: FittedProbe
    probe_name: str
    classes: tuple[str, ...]
    native_size: int

    @classmethod
    def fit(cls, trial: Path, patch_set: PatchSet, cache: Path, seed: int = 0) -> "Classifier":
        """Return a classifier whose probe, that of the trial, is fitted on all labelled patches of a data set.

        Args:
            trial: Folder of a finished trial that kept its encoder.
            patch_set: The data set that the trial was trained on.
            cache: Folder of resized copies.
            seed: Seed of the probe.

        Raises:
            DataError: The folder has no readable encoder.
        """
        encoder = TrainedEncoder.read(trial)
        return cls.fit_on(encoder, encoder.probe, patch_set, cache, seed)

    @classmethod
    def fit_on(
        cls, representation: Representation, probe: str, patch_set: PatchSet, cache: Path, seed: int = 0
    ) -> "Classifier":
        """Return a classifier whose probe is fitted on the embeddings of all labelled patches of a data set.

        Args:
            representation: Embeds the patches.
            probe: Name of the probe.
            patch_set: The data set.
            cache: Folder of resized copies.
            seed: Seed of the probe.

        Raises:
            NotFoundError: The probe is unknown.
        """
        rows = patch_set.rows("labelled")
        features = representation.embed(np.array(patch_set.resized(representation.source_size, cache)[rows]))
        classes, labels, groups = tuple(patch_set.card.classes), patch_set.labels(rows), patch_set.groups(rows)
        (fitted,) = PROBES.get(probe).fit_whole(features, labels, groups, len(classes), (seed,))
        return cls(representation, fitted, probe, classes, patch_set.card.native_size)

    @classmethod
    def load(cls, directory: Path) -> "Classifier":
        """Return a saved classifier; no code in its files is run.

        Args:
            directory: Folder that `save` wrote.

        Raises:
            DataError: A file of the classifier is missing or damaged.
        """
        try:
            about = load_json(read_text(directory / CLASSES))
            # Classifiers of older versions name neither a floor nor a probe: they have no floor and the paper's probe.
            representation = read_representation(directory, about.get("floor", ""))
            name = about.get("probe", "paper")
            probe = PROBES.get(name).restore(load_arrays(directory / PROBE))
            return cls(representation, probe, name, tuple(about["classes"]), about["native_size"])
        except DataError:
            raise
        except Exception as error:
            raise DataError(f"{directory} has no classifier that can be read ({error}).") from error

    def save(self, directory: Path) -> None:
        """Write the weights as safetensors and the rest as JSON.

        Args:
            directory: Folder to write to; created where it is missing. It may hold an earlier classifier.
        """
        directory.mkdir(parents=True, exist_ok=True)
        self.representation.save(directory)
        for name in (ENCODER, MODEL) if self.representation.floor else (FLOOR,):
            (directory / name).unlink(missing_ok=True)  # of an earlier classifier of the other kind
        plain = {name: np.ascontiguousarray(array) for name, array in self.probe.state().items()}
        (directory / PROBE).write_bytes(save_arrays(plain))
        about = {
            "classes": self.classes,
            "native_size": self.native_size,
            "floor": self.representation.floor,
            "probe": self.probe_name,
        }
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
        source = np.stack([resize_patch(patch, self.representation.source_size) for patch in patches])
        return self.probe.probabilities(self.representation.embed(source))

    def predict(self, patches: np.ndarray) -> Sequence[str]:
        """Return the name of the most probable class of each patch, from patches as for `probabilities`."""
        return [self.classes[code] for code in self.probabilities(patches).argmax(axis=1)]
