"""A classifier of cells: a representation, trained or a floor, with a probe on its embeddings."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file as load_arrays
from safetensors.numpy import save as save_arrays

from cellbench.classification.calibration import COVERAGE, Calibration
from cellbench.classification.familiarity import Familiarity
from cellbench.classification.representation import FLOOR, Representation, TrainedEncoder, read_representation
from cellbench.errors import DataError
from cellbench.input_files import load_json, read_text
from cellbench.patches.folds import probe_folds
from cellbench.patches.patchset import PatchSet
from cellbench.patches.resize import resize_patch
from cellbench.probes import PROBES, FittedProbe
from cellbench.scores.classification import N_FOLDS
from cellbench.trials.names import ENCODER, MODEL

PROBE = "probe.safetensors"
CLASSES = "classes.json"
FAMILIARITY = "familiarity.safetensors"


@dataclass(frozen=True)
class Assessment:
    """What a classifier says about N patches.

    Attributes:
        probabilities: Calibrated class probabilities in 0–1, shape (N, classes).
        is_unsure: Whether no class is probable enough to decide, bool, shape (N,).
        distance: Distance from the training data, shape (N,): above 1, a cell is unlike them. NaN where it is unknown.
        embeddings: Float32, shape (N, D).
    """

    probabilities: np.ndarray
    is_unsure: np.ndarray
    distance: np.ndarray
    embeddings: np.ndarray


@dataclass(frozen=True)
class Classifier:
    """Classifies the cell in the centre of a patch.

    Attributes:
        representation: Embeds the patches.
        probe: Probe that is fitted on the embeddings of labelled patches.
        probe_name: Its name in the registry of probes.
        classes: Names of the classes, in the order of the probe's outputs.
        native_size: Side in px of the patches that it classifies.
        um_per_px: µm per px of these patches; None where it is unknown.
        calibration: How probabilities are corrected; None for a classifier of an older version.
        familiarity: Distance from the training data; None for a classifier of an older version.
    """

    representation: Representation
    probe: FittedProbe
    probe_name: str
    classes: tuple[str, ...]
    native_size: int
    um_per_px: float | None = None
    calibration: Calibration | None = None
    familiarity: Familiarity | None = None

    @classmethod
    def fit(
        cls, trial: Path, patch_set: PatchSet, cache: Path, seed: int = 0, coverage: float = COVERAGE
    ) -> "Classifier":
        """Return a classifier whose probe, that of the trial, is fitted on all labelled patches of a data set.

        Args:
            trial: Folder of a finished trial that kept its encoder.
            patch_set: The data set that the trial was trained on.
            cache: Folder of resized copies.
            seed: Seed of the probe.
            coverage: Share of labelled patches that it decides on, in (0, 1].

        Raises:
            DataError: The folder has no readable encoder.
        """
        encoder = TrainedEncoder.read(trial)
        return cls.fit_on(encoder, encoder.probe, patch_set, cache, seed, coverage)

    @classmethod
    def fit_on(
        cls,
        representation: Representation,
        probe: str,
        patch_set: PatchSet,
        cache: Path,
        seed: int = 0,
        coverage: float = COVERAGE,
    ) -> "Classifier":
        """Return a classifier whose probe is fitted on the embeddings of all labelled patches of a data set.

        Calibration and distances are measured in five folds over groups, on patches of groups that were left out.

        Args:
            representation: Embeds the patches.
            probe: Name of the probe.
            patch_set: The data set.
            cache: Folder of resized copies.
            seed: Seed of the probe.
            coverage: Share of labelled patches that it decides on, in (0, 1].

        Raises:
            NotFoundError: The probe is unknown.
        """
        rows = patch_set.rows("labelled")
        features = representation.embed(np.array(patch_set.resized(representation.source_size, cache)[rows]))
        card, labels, groups = patch_set.card, patch_set.labels(rows), patch_set.groups(rows)
        kind, n_classes = PROBES.get(probe), len(card.classes)
        (fitted,) = kind.fit_whole(features, labels, groups, n_classes, (seed,))
        folds = probe_folds(labels, groups, n_folds=N_FOLDS, seed=0)
        unseen = np.empty((len(rows), n_classes))
        fits = [(train, seed) for train, _ in folds]
        for (_, test), of_fold in zip(folds, kind.fit(features, labels, groups, n_classes, fits), strict=True):
            unseen[test] = of_fold.probabilities(features[test])
        return cls(
            representation,
            fitted,
            probe,
            tuple(card.classes),
            card.native_size,
            card.um_per_px,
            Calibration.fit(unseen, labels, coverage),
            Familiarity.fit(features, labels, folds),
        )

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
            calibration, familiarity = None, None
            if "calibration" in about:
                calibration = Calibration(**about["calibration"])
                familiarity = Familiarity.restore(load_arrays(directory / FAMILIARITY))
            classes, size, scale = tuple(about["classes"]), about["native_size"], about.get("um_per_px")
            return cls(representation, probe, name, classes, size, scale, calibration, familiarity)
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
            "um_per_px": self.um_per_px,
        }
        if self.calibration is not None and self.familiarity is not None:
            about["calibration"] = asdict(self.calibration)
            (directory / FAMILIARITY).write_bytes(save_arrays(self.familiarity.state()))
        (directory / CLASSES).write_text(json.dumps(about, indent=1))

    def probabilities(self, patches: np.ndarray) -> np.ndarray:
        """Return calibrated class probabilities in 0–1, shape (N, classes), of patches as for `assess`."""
        return self.assess(patches).probabilities

    def assess(self, patches: np.ndarray) -> Assessment:
        """Return what the classifier says about patches.

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
            return Assessment(np.empty((0, len(self.classes))), np.empty(0, bool), np.empty(0), np.empty((0, 0)))
        source = np.stack([resize_patch(patch, self.representation.source_size) for patch in patches])
        embeddings = self.representation.embed(source)
        found, nothing = self.probe.probabilities(embeddings), np.zeros(len(patches), bool)
        if self.calibration is None or self.familiarity is None:
            return Assessment(found, nothing, np.full(len(patches), np.nan), embeddings)
        calibrated = self.calibration(found)
        unsure = self.calibration.is_unsure(calibrated)
        return Assessment(calibrated, unsure, self.familiarity.distances(embeddings), embeddings)

    @property
    def digest(self) -> str:
        """A hash of what the classifier depends on, apart from its representation: probe, calibration and classes."""
        about = json.dumps(
            [self.classes, self.native_size, self.probe_name, self.representation.floor, repr(self.calibration)]
        )
        found = hashlib.sha256(about.encode())
        for _, array in sorted(self.probe.state().items()):
            found.update(np.ascontiguousarray(array).tobytes())
        return found.hexdigest()

    def predict(self, patches: np.ndarray) -> Sequence[str]:
        """Return the name of the most probable class of each patch, from patches as for `probabilities`."""
        return [self.classes[code] for code in self.probabilities(patches).argmax(axis=1)]
