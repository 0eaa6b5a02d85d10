"""Compare probes: how F1 changes with idle, noisy and duplicate units, and whether other classifiers agree.

    python -m bench.study.probes pbc --table probes-pbc.csv
    python -m bench.study.probes pbc --table probes-pbc.csv --trained FOLDER

The representations are floors, and the trainings in FOLDER, as `bench.study.recipes` keeps them. Units are added to
each: every unit a second time, 200 idle ones, 200 of noise. Then the 16 most variable units alone get noise units up to
64, 256 and 1 024. Last, the labels are permuted, where every score must be that of chance. The table gets a row for
each representation, its units and the seed of the noise; a program that was killed continues with the same command.
The default probe is scored from every seed, the others from the first.
Only pool and labelled patches are used, never the holdout.
"""

import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from bench.study.datasets import open_studied
from bench.terminal.console import note, say, user_errors
from cellbench.training.configuration import DEFAULT_PROBE

if TYPE_CHECKING:
    import pandas as pd

    from cellbench.patches import PatchSet

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
N_ADDED = 200
N_CORE = 16
WIDTHS = (16, 64, 256, 1024)
UNCHANGED = "unchanged"
CORE = f"{N_CORE} units"
"""Name of the most variable units alone, which the widths are compared with."""
PERMUTED = "permuted labels"
N_PERMUTATIONS = 20
Add = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def _rms(embeddings: np.ndarray) -> float:
    """Return the root mean square of the units' standard deviations."""
    return float(np.sqrt(embeddings.var(axis=0).mean()))


def with_noise(embeddings: np.ndarray, n: int, share: float, rng: np.random.Generator) -> np.ndarray:
    """Return embeddings with units of Gaussian noise.

    Args:
        embeddings: Shape (N, D).
        n: Number of units to add.
        share: Standard deviation of the noise, relative to the root mean square of that of the units.
        rng: Draws the noise.

    Returns:
        Shape (N, D + n).
    """
    noise = rng.normal(0, share * _rms(embeddings), (len(embeddings), n))
    return np.concatenate([embeddings, noise.astype(embeddings.dtype)], axis=1)


def most_variable(embeddings: np.ndarray, n: int = N_CORE) -> np.ndarray:
    """Return the n units with the largest variance, shape (N, n)."""
    return embeddings[:, np.sort(np.argsort(-embeddings.var(axis=0), kind="stable")[:n])]


def _core_to(width: int) -> Add:
    return lambda embeddings, rng: with_noise(most_variable(embeddings), width - N_CORE, 0.1, rng)


ADDED: dict[str, Add] = {
    UNCHANGED: lambda embeddings, _: embeddings,
    "every unit twice": lambda embeddings, _: np.concatenate([embeddings, embeddings], axis=1),
    f"{N_ADDED} idle": lambda embeddings, rng: with_noise(embeddings, N_ADDED, 1e-4, rng),
    f"{N_ADDED} noise 0.1": lambda embeddings, rng: with_noise(embeddings, N_ADDED, 0.1, rng),
    f"{N_ADDED} noise 1": lambda embeddings, rng: with_noise(embeddings, N_ADDED, 1.0, rng),
    CORE: lambda embeddings, _: most_variable(embeddings),
    **{f"{CORE}, noise to {width}": _core_to(width) for width in WIDTHS[1:]},
}
"""Units that are added to a representation, by name."""
RANDOM = tuple(name for name in ADDED if "noise" in name or "idle" in name)


def f1_of_peers(embeddings: np.ndarray, labels: np.ndarray, groups: np.ndarray, n_classes: int) -> dict[str, float]:
    """Return the cross-validated macro F1 of other classifiers; inner grouped folds choose their penalty.

    They are a support vector machine with a Gaussian kernel and logistic regression, both from scikit-learn, each on
    units of variance 1 (`svm`, `logistic`), and the former with one scale for all units (`svm, one scale`).

    Args:
        embeddings: Shape (N, D).
        labels: Class codes, shape (N,).
        groups: Group codes, shape (N,).
        n_classes: Number of classes.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler
    from sklearn.svm import SVC

    from cellbench.patches import probe_folds
    from cellbench.probes.f1 import macro_f1
    from cellbench.scores.classification import N_FOLDS

    varied = embeddings[:, embeddings.std(axis=0) > 1e-2 * embeddings.std(axis=0).max()]
    strengths = [1.0, 10.0, 100.0]
    kinds = {
        "svm": (make_pipeline(StandardScaler(), SVC()), {"svc__C": strengths}, varied),
        "svm, one scale": (
            make_pipeline(FunctionTransformer(), SVC()),
            {"svc__C": strengths},
            embeddings / _rms(embeddings),
        ),
        "logistic": (
            make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)),
            {"logisticregression__C": [0.003, 0.03, 0.3]},
            varied,
        ),
    }
    found = {}
    for name, (model, penalties, features) in kinds.items():
        predictions = np.empty_like(labels)
        for train, test in probe_folds(labels, groups, n_folds=N_FOLDS, seed=0):
            inner = probe_folds(labels[train], groups[train], n_folds=3, seed=0)
            search = GridSearchCV(model, penalties, scoring="f1_macro", cv=inner)
            predictions[test] = search.fit(features[train], labels[train]).predict(features[test])
        found[name] = macro_f1(labels, predictions, n_classes)
    return found


def representations(patch_set: "PatchSet", trained: Path | None) -> Iterator[tuple[str, np.ndarray]]:
    """Yield names and embeddings of the labelled patches: floors in eight views and one, then trainings.

    Args:
        patch_set: The data set.
        trained: Folder of trainings that keep their embeddings; None for floors only.

    Raises:
        DataError: No radius can be estimated from the patches.
    """
    from dataclasses import replace

    from bench.home.paths import cache_dir
    from bench.space.estimates import estimated
    from cellbench.errors import DataError
    from cellbench.floors import FLOORS, CachedFloor, FloorMask, available_floors, floor_context
    from cellbench.radius import estimate_radius
    from cellbench.training.configuration import Configuration, TrainingSettings
    from cellbench.trials.names import EMBEDDINGS

    radius = estimate_radius(patch_set)
    if not radius.is_found:
        raise DataError(f"No radius can be estimated for {patch_set.card.name}.")
    params: dict[str, float | bool | str] = {
        "r_max": float(estimated("r_max", "sqrt", radius, patch_set.card.native_size)),
        "normalize": True,
    }
    mask = FloorMask(Configuration(method="mask_fixed", params=params))
    context = floor_context(patch_set, TrainingSettings(), (0,), mask)
    for views in (8, 1):
        own = replace(context, settings=TrainingSettings(views=views))
        floors, _ = available_floors(FLOORS.names() if views == 8 else ["pca", "pca_masked"], own)
        found = {}
        for name, floor in floors.items():
            found[name] = CachedFloor(name, floor, patch_set, (0,), cache_dir()).embeddings(0, "labelled")
            yield name if views == 8 else f"{name}, 1 view", found[name]
        if views == 8 and "pca_masked" in found:
            yield "pca_masked, mean of views", found["pca_masked"][:, : found["pca_masked"].shape[1] // 2]
        if {"ring_profile", "patch_dictionary"} <= set(found):
            both = [found[name] / _rms(found[name]) for name in ("ring_profile", "patch_dictionary")]
            both = [each / np.sqrt(each.shape[1]) for each in both]
            yield "ring_profile and patch_dictionary", np.concatenate(both, axis=1)
    for path in sorted(trained.glob(f"*/{EMBEDDINGS}")) if trained is not None else []:
        embeddings = np.load(path, allow_pickle=False)["labelled"]
        if len(embeddings) == len(patch_set.rows("labelled")):
            yield path.parent.name, embeddings


def scored(
    patch_set: "PatchSet",
    embeddings: np.ndarray,
    probes: "Sequence[str]",
    peers: bool,
    permute: np.random.Generator | None = None,
) -> dict[str, float]:
    """Return macro F1 by probe, its CPU seconds, and the macro F1 of peers where they are asked for.

    Args:
        patch_set: The data set.
        embeddings: Embeddings of its labelled patches, shape (N, D).
        probes: Names of the probes.
        peers: Whether to score other classifiers too.
        permute: Permutes the labels; None leaves them as they are.
    """
    from cellbench.scores.classification import cross_validate

    rows, n_classes = patch_set.rows("labelled"), len(patch_set.card.classes)
    labels, groups = patch_set.labels(rows), patch_set.groups(rows)
    if permute is not None:
        labels = permute.permutation(labels)
    found = {}
    for probe in probes:
        start = time.process_time()
        found[probe] = cross_validate(embeddings, labels, groups, n_classes, probe, peers=False).f1_macro
        found[f"{probe} s"] = round(time.process_time() - start, 2)
    return found | (f1_of_peers(embeddings, labels, groups, n_classes) if peers else {})


@app.command()
@user_errors
def main(
    dataset: Annotated[str, typer.Argument(help="Data set.")],
    table: Annotated[Path, typer.Option(help="CSV file of the results. Rows that it has are not made again.")],
    trained: Annotated[Path | None, typer.Option(help="Folder of trainings that keep their embeddings.")] = None,
    seeds: Annotated[int, typer.Option(min=1, max=100, help="Seeds of the noise.")] = 3,
) -> None:
    """Score representations with idle, noisy and duplicate units by every probe."""
    import pandas as pd

    from cellbench.output_files import check_output, write_output
    from cellbench.probes import PROBES
    from cellbench.threads import use_threads

    check_output(table, "--table")
    use_threads(1)
    patch_set = open_studied(dataset)
    rows: list[dict[Hashable, object]] = []
    if table.exists():
        rows += pd.read_csv(table).to_dict("records")
    known = {(row["representation"], row["units"], row["seed"]) for row in rows}
    found = list(representations(patch_set, trained))
    for units in (*ADDED, PERMUTED):  # first all as they are, so that a table that has just begun compares them
        n_seeds = N_PERMUTATIONS if units == PERMUTED else seeds if units in RANDOM else 1
        for (name, embeddings), seed in product(found, range(n_seeds)):
            if (name, units, seed) in known:
                continue
            rng = np.random.default_rng(seed)
            changed = embeddings if units == PERMUTED else ADDED[units](embeddings, rng)
            probes = PROBES.names() if seed == 0 else [DEFAULT_PROBE]
            scores = scored(patch_set, changed, probes, units == UNCHANGED, rng if units == PERMUTED else None)
            note(f"{name}, {units}, seed {seed}: {scores}")
            about: dict[Hashable, object] = {
                "representation": name,
                "units": units,
                "seed": seed,
                "width": changed.shape[1],
            }
            rows.append(about | dict(scores.items()))
            write_output(table, pd.DataFrame(rows).to_csv(index=False))
    _print(pd.DataFrame(rows))


def _print(frame: "pd.DataFrame") -> None:
    """Print the largest change of F1 that added units make, and the rank correlation with other classifiers."""
    from cellbench.probes import PROBES

    whole = frame[frame["units"] == UNCHANGED].set_index("representation")
    core = frame[frame["units"] == CORE].set_index("representation")
    for probe in PROBES.names():
        say(f"{probe}: change of F1, mean over representations and seeds (largest in size)")
        for key, own in frame.groupby("units", sort=False):
            units = str(key)
            base = core if units.startswith(CORE) else whole
            own = own.dropna(subset=probe)
            change = own[probe].to_numpy() - base[probe].reindex(own["representation"]).to_numpy()
            if units == PERMUTED and probe == DEFAULT_PROBE:
                low, high = own[probe].quantile([0.025, 0.975])
                say(f"  {units}: macro F1 {own[probe].mean():.3f} (95 % of them {low:.3f} to {high:.3f})")
            elif units not in (UNCHANGED, CORE, PERMUTED):
                say(f"  {units}: {change.mean():+.3f} ({change[np.abs(change).argmax()]:+.3f})")
        for peer in ("svm", "svm, one scale", "logistic"):
            rho = whole[probe].corr(whole[peer], method="spearman")
            say(f"  rank correlation with {peer} over {len(whole)} representations: {rho:.2f}")


if __name__ == "__main__":
    app()
