"""Reads the pictures and the embeddings that trials keep in their folders."""

import io
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from bench.record.folder import SearchFolder
from bench.reporting.report.evidence import F1, EmbeddingMap, Evidence, Picture
from cellbench.errors import DataError
from cellbench.input_files import check_regular, read_bytes
from cellbench.scores.confusions import Confusions, read_all
from cellbench.trials.names import CONFUSION_COUNTS, EMBEDDINGS, RECONSTRUCTIONS

if TYPE_CHECKING:
    import pandas as pd

    from cellbench.patches import PatchSet

FOLD = 0
"""Fold whose unseen patches the pictures show; all its trials draw the same ones."""
MAX_PICTURES = 24
PICTURE_WIDTH = 1100
N_MAP, TILE, COLUMNS = 600, 48, 25
"""Largest number of patches on the map, side of their tiles in px, and tiles in a row of the sheet."""
N_NEIGHBOURS = 15
"""Neighbours of a patch that UMAP keeps near it, its own default."""


def pictures_of(folder: SearchFolder, evidence: Evidence) -> tuple[tuple[Picture, ...], str]:
    """Return the reconstructions of each method's configuration on the same patches, and why some are missing.

    Args:
        folder: Folder of the search.
        evidence: The evidence so far.
    """
    from PIL import Image

    found: list[Picture] = []
    lost: list[str] = []
    for method in evidence.methods[:MAX_PICTURES]:
        trial = _trial_on_fold(evidence, method)
        if trial is None:
            continue
        path = folder.trial(str(trial["key"])).directory / RECONSTRUCTIONS
        try:
            with Image.open(io.BytesIO(read_bytes(path)), formats=("PNG",)) as image:
                image.thumbnail((PICTURE_WIDTH, PICTURE_WIDTH))
                buffer = io.BytesIO()
                image.convert("RGB").save(buffer, "WEBP", quality=82)
        except FileNotFoundError:
            continue
        except (OSError, ValueError, Image.DecompressionBombError):
            lost.append(method)
            continue
        title = f"Reconstructions of {trial['label']}: macro F1 {trial[F1]:.3f}"
        found.append(Picture(f"reconstructions-{len(found) + 1}", title, {"webp": buffer.getvalue()}))
    return tuple(found), f"The pictures of {', '.join(lost)} cannot be read." if lost else ""


def _trial_on_fold(evidence: Evidence, method: str) -> "pd.Series | None":
    done = evidence.done
    own = done[(done["method"] == method) & (done["fold"] == FOLD).fillna(False)]
    chosen = own[own["configuration"] == evidence.chosen.get(method)]
    own = own if chosen.empty else chosen
    return None if own.empty else own.sort_values(F1).iloc[-1]


def embedding_of(
    folder: SearchFolder, evidence: Evidence, patch_set: "PatchSet", projection: Literal["pca", "umap"] = "pca"
) -> tuple[EmbeddingMap | None, str]:
    """Return the map of the winner's embeddings, of its first fresh seed where it has one; or None and the reason.

    Args:
        folder: Folder of the search.
        evidence: The evidence so far.
        patch_set: The data set.
        projection: How the embeddings become a map.
    """
    if evidence.done.empty:
        return None, ""
    trial = trial_of(evidence, evidence.methods[0])
    try:
        rows, embeddings = read_embeddings(folder, str(trial["key"]))
    except DataError as error:
        return None, str(error)
    labels = patch_set.labels(rows)
    places, titles, how = _projected(embeddings, projection)
    shown = np.sort(np.random.default_rng(0).permutation(len(rows))[:N_MAP])
    return EmbeddingMap(
        trial=str(trial["label"]),
        x=tuple(places[shown, 0].round(4).tolist()),
        y=tuple(places[shown, 1].round(4).tolist()),
        codes=tuple(labels[shown].tolist()),
        classes=tuple(patch_set.card.classes),
        titles=titles,
        how=how,
        sheet=contact_sheet(patch_set.patches[rows[shown]]),
        tile=TILE,
        columns=COLUMNS,
        n_all=len(rows),
    ), ""


def trial_of(evidence: Evidence, method: str) -> "pd.Series":
    """Return the training that shows a method's embeddings: the first fresh seed of its configuration, else a fold.

    Args:
        evidence: The evidence, with at least one completed trial.
        method: Name of the method. Without a completed trial of its configuration, any trial stands for it.
    """
    done = evidence.done
    own = done[done["configuration"] == evidence.chosen.get(method)]
    own = done if own.empty else own
    return own.assign(late=own["stage"] != "final").sort_values(["late", "seed"], kind="stable").iloc[0]


def read_embeddings(folder: SearchFolder, key: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of the labelled patches, shape (N,), and their embeddings, float64, shape (N, D).

    Args:
        folder: Folder of the search.
        key: Name of the trial.

    Raises:
        DataError: The file is missing or damaged, or has fewer than three patches.
    """
    path = folder.trial(key).directory / EMBEDDINGS
    try:
        check_regular(path)
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            rows, embeddings = stored["labelled_rows"], stored["labelled"].astype(np.float64)
        if embeddings.ndim != 2 or len(rows) != len(embeddings) or not np.isfinite(embeddings).all() or len(rows) < 3:
            raise ValueError("Rows and embeddings do not belong together.")
    except Exception as error:  # a file that was cut short or changed raises many kinds
        raise DataError(f"{path} has no embeddings that can be read ({type(error).__name__}).") from error
    return rows, embeddings


def confusions_of(
    folder: SearchFolder, evidence: Evidence, classes: Sequence[str]
) -> tuple[dict[str, tuple[Confusions, ...]], str]:
    """Return the confusion matrices of methods, floors and ceilings by their names in the table, and why some lack.

    Methods come first, in the order of the table; those without a recorded matrix are left out.

    Args:
        folder: Folder of the search.
        evidence: The evidence so far.
        classes: Scored classes of the data set.
    """
    oracle = evidence.trials[(evidence.trials["stage"] == "oracle") & (evidence.trials["outcome"] == "completed")]
    trainings = {method: evidence.trainings_of(method) for method in evidence.methods}
    trainings |= {"ceiling oracle": oracle}
    try:
        found = {}
        for name, own in trainings.items():
            paths = (folder.trial(str(key)).directory / CONFUSION_COUNTS for key in own["key"])
            if read := tuple(each for path in paths if (each := Confusions.read(path)) is not None):
                found[name] = read
        others = {name: (each,) for name, each in read_all(folder.confusions_path).items()}
    except DataError as error:
        return {}, str(error)
    if any(each.classes != tuple(classes) for own in (found | others).values() for each in own):
        return {}, "The recorded confusion matrices have other classes than the data set."
    if not found:
        return {}, ""
    names = [each for each in found if each != "ceiling oracle"]
    ordered = [*names, *(each for each in others if each.startswith("floor")), "ceiling oracle", *others]
    known = found | others
    return {name: known[name] for name in ordered if name in known}, ""


def _projected(embeddings: np.ndarray, projection: Literal["pca", "umap"]) -> tuple[np.ndarray, tuple[str, str], str]:
    """Return the map of embeddings, shape (N, 2), the titles of its axes, and how it was made, as a sentence."""
    if projection == "umap":
        return _umap(embeddings), ("UMAP 1", "UMAP 2"), (
            f"UMAP with {N_NEIGHBOURS} neighbours and seed 0. Distances between groups of points, and their sizes, "
            "mean little."
        )  # fmt: skip
    places, shares = principal_components(embeddings)
    first, second = (f"component {n} ({100 * share:.0f} % of the variance)" for n, share in enumerate(shares, 1))
    return places, (first, second), (
        "PCA. Two components show part of the variance: classes that overlap here may be apart in the others."
    )  # fmt: skip


def _umap(embeddings: np.ndarray) -> np.ndarray:
    with warnings.catch_warnings():  # a seed means one thread, which UMAP remarks on; numba and pynndescent are noisy
        warnings.simplefilter("ignore")
        import umap

        n = min(N_NEIGHBOURS, len(embeddings) - 1)
        model = umap.UMAP(n_neighbors=n, random_state=0, n_jobs=1, init="pca")
        return np.asarray(model.fit_transform(embeddings), dtype=np.float64)


def principal_components(embeddings: np.ndarray) -> tuple[np.ndarray, tuple[float, float]]:
    """Return the first two principal components, shape (N, 2), and their shares of the variance, 0–1.

    Each component has the sign that makes its largest loading positive, so that the map does not depend on the
    library of linear algebra.

    Args:
        embeddings: Shape (N, D), N ≥ 3 and D ≥ 1.
    """
    centred = embeddings - embeddings.mean(axis=0)
    left, scale, right = np.linalg.svd(centred, full_matrices=False)
    signs = np.sign(right[np.arange(len(right)), np.abs(right).argmax(axis=1)])
    scores = np.zeros((len(embeddings), 2))
    n = min(2, len(scale))
    scores[:, :n] = (left * scale * signs)[:, :n]
    variance = np.concatenate([scale**2, [0.0, 0.0]])
    first, second = variance[:2] / max(float(variance.sum()), 1e-12)
    return scores, (float(first), float(second))


def contact_sheet(patches: np.ndarray) -> bytes:
    """Return a JPEG of patches as tiles, row by row.

    Args:
        patches: uint8, shape (N, S, S, 3).
    """
    from PIL import Image

    n_rows = -(-len(patches) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * TILE, n_rows * TILE), "white")
    for place, patch in enumerate(patches):
        tile = Image.fromarray(patch).resize((TILE, TILE), Image.Resampling.LANCZOS)
        sheet.paste(tile, (place % COLUMNS * TILE, place // COLUMNS * TILE))
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()
