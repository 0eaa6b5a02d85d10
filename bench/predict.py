"""Classifies cells with a registered classifier, and says which of them it should not be trusted with.

    python -m bench.predict --model models:/cellbench.bccd@champion images/ --out cells.csv
    python -m bench.predict --model models:/cellbench.bccd@champion places.csv --um-per-px 0.1 --out cells.csv
    python -m bench.predict --model CELLBENCH_HOME/searches/NAME/classifier a.png b.png --out cells.csv

Each path is an image of one cell, a folder of such images, a table of centres in larger images (path, x, y), or the
folder of a data set. The output has a row for each cell. A run that was stopped goes on where it stopped.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.terminal.command_line import Command
from bench.terminal.console import INTERRUPTED, note, print_error, say, user_errors
from bench.terminal.formatting import counted

if TYPE_CHECKING:
    from cellbench.classification.prediction import Predicted

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
HAS_PROBLEMS = 1
"""Exit status where some cells could not be read."""
MANY = 0.2
"""Share of unfamiliar cells from which on a warning is printed."""


@app.command(cls=Command)
@user_errors
def predict(
    images: Annotated[list[Path], typer.Argument(metavar="PATH", help="Images, folders, tables or data sets.")],
    model: Annotated[str, typer.Option(help="models:/NAME@ALIAS, or a folder.", metavar="MODEL")],
    out: Annotated[Path, typer.Option(help="CSV file with a row for each cell.", metavar="FILE")],
    um_per_px: Annotated[
        float | None, typer.Option(min=1e-3, max=100, help="µm per px of the images. Default: as in training.")
    ] = None,
    embeddings: Annotated[
        Path | None, typer.Option(help="New folder for the embeddings, as Parquet.", metavar="FOLDER")
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, max=65_536, help="Cells at once.")] = 256,
    threads: Annotated[int, typer.Option(min=1, max=1024, help="CPU threads.")] = 1,
) -> None:
    """Classify cells: class, probabilities, whether the classifier is unsure, and how unlike the training data."""
    from bench.terminal.progress import progress_bar
    from cellbench.classification.cells import list_cells
    from cellbench.classification.classifier import Classifier
    from cellbench.classification.prediction import PredictionFile, predict_cells
    from cellbench.errors import SettingError
    from cellbench.output_files import check_output
    from cellbench.threads import use_threads

    check_output(out, "--out")
    if embeddings is not None and embeddings.is_file():
        raise SettingError(f"--embeddings {embeddings} is a file; name a new folder.")
    use_threads(threads)
    cells, remarks = list_cells(images)
    directory = _directory(model)
    classifier = Classifier.load(directory)
    magnification = _magnification(um_per_px, classifier.um_per_px)
    for remark in remarks:
        note(remark)
    with PredictionFile(out, classifier, cells, magnification, embeddings) as file:
        if file.n_done:
            say(f"Continues after {counted(file.n_done, 'cell')}.")
        try:
            with progress_bar("Classifying") as show:
                found = predict_cells(classifier, cells, file, magnification, batch_size, show)
        except KeyboardInterrupt:
            print_error(f"Stopped after {counted(file.n_done, 'cell')}. The same command goes on there.", "yellow")
            raise SystemExit(INTERRUPTED) from None
    _summarise(found, out)
    if found.n_problems:
        raise SystemExit(HAS_PROBLEMS)


def _directory(model: str) -> Path:
    """Return the folder of a classifier; that of a registered one is downloaded.

    Raises:
        SettingError: It is neither an address of the registry nor a folder.
        StoreError: The registry has no such model, or cannot be used.
    """
    from cellbench.errors import SettingError

    if model.startswith("models:/"):
        from bench.tracking.registry import downloaded_classifier

        return downloaded_classifier(model)
    if not Path(model).is_dir():
        raise SettingError(
            f"--model {model} is neither a folder nor an address such as models:/cellbench.NAME@champion."
        )
    return Path(model)


def _magnification(of_images: float | None, of_classifier: float | None) -> float:
    """Return µm per px of the images divided by that of the classifier.

    Raises:
        SettingError: The classifier's is unknown.
    """
    from cellbench.errors import SettingError

    if of_images is None:
        return 1.0
    if of_classifier is None:
        raise SettingError(
            "--um-per-px cannot be used: the data set of the classifier had no µm per px, so its patches have none."
        )
    return of_images / of_classifier


def _summarise(found: "Predicted", out: Path) -> None:
    classes = ", ".join(f"{name} {n}" for name, n in found.n_by_class.items() if n)
    say(f"{counted(found.n_cells, 'cell')} in {out}: {classes or 'none'}.")
    if found.n_unsure is not None and found.n_cells:
        say(
            f"Unsure of {found.n_unsure} ({found.n_unsure / found.n_cells:.0%}); {found.n_unfamiliar} "
            f"({found.n_unfamiliar / found.n_cells:.0%}) are unlike the training data."
        )
        if found.n_unfamiliar > MANY * found.n_cells:
            note(
                "Many cells are unlike the training data. Stain, magnification or camera may differ, so do not trust "
                "these classes; state the scale with --um-per-px, or train on such images."
            )
    if found.n_problems:
        print_error(
            f"{counted(found.n_problems, 'cell')} could not be read: the column problem says why. The first:\n  "
            + "\n  ".join(found.problems)
        )


if __name__ == "__main__":
    app()
