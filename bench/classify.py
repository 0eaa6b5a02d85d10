"""Makes a classifier from the winner of a search.

    python -m bench.classify --search NAME
    python -m bench.classify --search NAME --representation ring_profile

It fits the probe on all labelled patches with the winner's encoder, or with a floor, and scores it on the holdout,
which counts as a look. It then registers both in the MLflow Model Registry under the alias `champion`.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from bench.terminal.command_line import Command
from bench.terminal.console import console, say, user_errors

if TYPE_CHECKING:
    import numpy as np

    from bench.record.folder import SearchFolder
    from bench.record.request import Request
    from bench.record.summary import Summary
    from bench.record.trial import TrialRecord
    from cellbench.classification.classifier import Classifier
    from cellbench.classification.representation import Representation
    from cellbench.patches import PatchSet

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(cls=Command)
@user_errors
def classify(
    search: Annotated[str, typer.Option(help="Name of a finished search.")],
    representation: Annotated[
        str | None, typer.Option(metavar="FLOOR", help="Name of a floor, in place of the winner.")
    ] = None,
    coverage: Annotated[float, typer.Option(min=0.01, max=1, help="Share of labelled patches to decide on.")] = 0.9,
    seed: Annotated[int, typer.Option(min=0, max=1_000_000, help="Seed of the probe.")] = 0,
) -> None:
    """Fit, score and register a classifier on the encoder of a search's winner, or on a floor."""
    from bench.home.datasets import reopen_dataset
    from bench.home.holdout_looks import count_holdout_look, holdout_looks
    from bench.home.paths import cache_dir
    from bench.record.folder import SearchFolder
    from bench.record.request import Request
    from bench.tracking.registry import ALIAS, open_classifier_run
    from cellbench.classification.classifier import Classifier
    from cellbench.errors import SettingError
    from cellbench.floors import FLOORS
    from cellbench.probes.f1 import confusion, f1_by_class
    from cellbench.scores.confusion_figure import save_confusion
    from cellbench.scores.group_interval import f1_interval
    from cellbench.threads import use_threads

    if representation is not None:
        FLOORS.get(representation)  # an unknown name is an error before anything is opened
    folder = SearchFolder.open(search)
    folder.check_links()
    request = Request.read(folder)
    request.check_searches()
    use_threads(request.settings.threads)
    summary = summary_of(folder)
    if representation is None:
        winning_trial(folder, summary)  # a missing encoder is an error before anything is opened
    guard = reopen_dataset(request.dataset_identity)
    patch_set = guard.patch_set
    classes, rows = patch_set.card.classes, patch_set.rows("holdout")
    if len(rows) == 0:
        raise SettingError(f"The data set {request.dataset} has no holdout to score a classifier on.")
    holdout_looks(patch_set)  # a damaged counter is an error before anything is fitted
    directory = folder.directory / "classifier"

    # All that can fail comes before the look: a look is counted only for scores that are shown.
    with open_classifier_run(search, request.dataset, representation or summary.winner) as run:
        with guard.unchanged():
            if representation is not None:
                found = floor_representation(representation, folder, request, summary, patch_set)
                classifier = Classifier.fit_on(found, request.settings.probe, patch_set, cache_dir(), seed, coverage)
            else:
                trial = winning_trial(folder, summary)
                classifier = Classifier.fit(folder.trial(trial.key).directory, patch_set, cache_dir(), seed, coverage)
            truth = patch_set.labels(rows)
            predicted = classifier.probabilities(patch_set.patches[rows]).argmax(axis=1)
            by_class = f1_by_class(truth, predicted, len(classes))
            table = confusion(truth, predicted, len(classes))
            interval = f1_interval(truth, [predicted], patch_set.groups(rows), len(classes))
        classifier.save(directory)
        registered = run.register(directory, patch_set.card.native_size)

        look = count_holdout_look(patch_set)
        f1 = float(by_class.mean())
        _print_classes(classes, by_class, table)
        say(
            f"Holdout: macro F1 {f1:.3f} ({interval.words}, {len(rows)} patches). "
            f"This was look number {look} at this holdout."
        )
        _print_calibration(classifier)
        if summary.notes:
            say(" ".join(summary.notes))
        if representation is not None:
            say(f"{summary.verdict()} This classifier uses the floor {representation}, as asked.")
        elif not summary.is_clear:
            say(f"{summary.verdict()} This classifier uses {summary.winner} nevertheless.", "yellow")

        picture = folder.directory / "classifier-confusion.png"
        save_confusion(picture, table, classes, f"holdout, macro F1 {f1:.3f}")
        metrics = {"holdout/f1_macro": f1}
        if interval.low is not None and interval.high is not None:
            metrics |= {"holdout/f1_low": interval.low, "holdout/f1_high": interval.high}
        metrics |= {f"holdout/f1/{name}": float(value) for name, value in zip(classes, by_class, strict=True)}
        before = run.promote(registered, metrics, [picture])
    if before is not None and before[1] > f1:
        say(f"It replaces version {before[0]}, whose holdout macro F1 was {before[1]:.3f}.", "yellow")
    say(f"Confusion matrix: {picture}")
    say(f"Registered as models:/{registered.name}@{ALIAS} (version {registered.version}); files: {directory}")
    say(f"Classify images: python -m bench.predict --model models:/{registered.name}@{ALIAS} FOLDER --out cells.csv")


def summary_of(folder: "SearchFolder") -> "Summary":
    """Return the summary of a search.

    Raises:
        SettingError: The search has not ended.
        DataError: Its summary is damaged.
    """
    from bench.record.summary import Summary
    from cellbench.errors import SettingError

    summary = Summary.read(folder)
    if summary is None:
        raise SettingError(f"The search {folder.name} has not ended; continue it with --resume {folder.name}.")
    return summary


def winning_trial(folder: "SearchFolder", summary: "Summary") -> "TrialRecord":
    """Return the winner's first training from a fresh seed.

    Raises:
        SettingError: That training was not completed.
    """
    from cellbench.errors import SettingError

    found = [
        record
        for record in folder.records("final")
        if record.method == summary.winner and record.outcome == "completed"
    ]
    if not found:
        raise SettingError(f"The search {folder.name} has no encoder of its winner; run the search again.")
    return min(found, key=lambda record: record.seed)


def floor_representation(
    name: str, folder: "SearchFolder", request: "Request", summary: "Summary", patch_set: "PatchSet"
) -> "Representation":
    """Return a floor as the search computed it, fitted on the pool or read from the cache.

    A floor that is random has the first fresh seed of the search.

    Args:
        name: Name of the floor.
        folder: Folder of the search.
        request: Its request.
        summary: Its summary.
        patch_set: Its data set.

    Raises:
        NotFoundError: No floor has this name.
        UnavailableFloorError: The floor cannot be computed on this data set.
    """
    from bench.home.paths import cache_dir
    from bench.pipeline.floor_mask import floor_mask
    from bench.record.jobs import configuration_of
    from cellbench.classification.representation import FloorRepresentation
    from cellbench.floors import FLOORS, CachedFloor, floor_context

    finals = folder.records("final")
    of_record = {record.configuration: record for record in finals}
    methods = [row.configuration for row in summary.rows if row.kind == "method" and row.configuration in of_record]
    mask = floor_mask([configuration_of(of_record[each]) for each in methods], finals)
    seeds = request.final_seeds()
    context = floor_context(patch_set, request.settings, seeds, mask)
    cached = CachedFloor(name, FLOORS.get(name)(context), patch_set, seeds, cache_dir())
    return FloorRepresentation(name, cached.fitted(cached.seeds[0]))


def _print_calibration(classifier: "Classifier") -> None:
    """Print how the probabilities were corrected, by labelled patches of groups that the probe had not seen."""
    found = classifier.calibration
    assert found is not None, "it was fitted just now"
    say(
        f"Probabilities, on labelled patches of unseen groups: calibration error {found.error_before:.3f}, and "
        f"{found.error_after:.3f} at temperature {found.temperature:.2f}. It decides on {found.coverage:.0%} of them, "
        f"with accuracy {found.accuracy_decided:.3f}, where the probability of a class is at least "
        f"{found.threshold:.2f}."
    )


def _print_classes(classes: list[str], by_class: "np.ndarray", table: "np.ndarray") -> None:
    from rich.table import Table

    shown = Table(box=None, pad_edge=False)
    for name in ("class", "F1", "n", "found", "mostly confused with"):
        shown.add_column(name, justify="left" if name in ("class", "mostly confused with") else "right")
    for code, name in enumerate(classes):
        others = table[code].copy()
        others[code] = 0
        wrong = f"{classes[int(others.argmax())]} ({others.max()})" if others.sum() else "–"
        numbers = (f"{by_class[code]:.3f}", str(table[code].sum()), str(table[code, code]))
        shown.add_row(name, *numbers, wrong)
    console().print(shown)


if __name__ == "__main__":
    app()
