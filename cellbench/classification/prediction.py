"""Classifies many cells batch by batch, into a CSV file that a later run continues after a kill."""

import csv
import hashlib
import io
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import numpy as np
import pandas as pd

from cellbench.classification.cells import Cell, read_cells
from cellbench.classification.classifier import Assessment, Classifier
from cellbench.disk import explained, write_text
from cellbench.errors import SettingError, printable
from cellbench.output_files import output_file

BEFORE = ("source", "x", "y", "class", "unsure", "distance", "problem")
"""Columns before the probabilities of the classes."""
SHOWN = 5
"""Number of problems that a summary names."""


@dataclass(frozen=True)
class Predicted:
    """What a finished file of predictions contains.

    Attributes:
        n_cells: Cells that were classified.
        n_problems: Cells that could not be read.
        problems: The first problems, each with its image.
        n_by_class: Cells of each class.
        n_unsure: Cells that the classifier is unsure of; None for a classifier of an older version.
        n_unfamiliar: Cells that are unlike the training data.
    """

    n_cells: int
    n_problems: int
    problems: tuple[str, ...]
    n_by_class: dict[str, int]
    n_unsure: int | None
    n_unfamiliar: int


class PredictionFile:
    """The output of a prediction. It appears under its name when it is complete.

    Until then the rows are in a hidden file beside it. A later run with the same classifier and cells continues that
    file; with others it begins again.

    Args:
        path: The CSV file.
        classifier: The classifier.
        cells: All cells, with the columns `source`, `x` and `y`.
        magnification: As for `read_cells`.
        embeddings: Folder for the embeddings as Parquet files, one for each batch; None for none.

    Attributes:
        n_done: Cells that are in the file.
    """

    def __init__(
        self,
        path: Path,
        classifier: Classifier,
        cells: pd.DataFrame,
        magnification: float,
        embeddings: Path | None = None,
    ) -> None:
        self.path, self.classes, self.embeddings = path, classifier.classes, embeddings
        self.knows_doubt = classifier.calibration is not None
        self._part = path.with_name(f".{path.name}.part")
        self._about = path.with_name(f".{path.name}.part.json")
        self._identity = _identity(classifier, cells, magnification, embeddings)
        self._file: IO[str] | None = None
        self.n_done = 0

    def __enter__(self) -> Self:
        with explained(self._part):
            if self.embeddings is not None:
                self.embeddings.mkdir(parents=True, exist_ok=True)
            if self._is_continued():
                self.n_done = _whole_rows(self._part)
            else:
                if self.embeddings is not None and any(self.embeddings.iterdir()):
                    raise SettingError(f"--embeddings {self.embeddings} is not empty; name a new folder.")
                heads = (*BEFORE, *(f"p/{name}" for name in self.classes))
                self._part.write_text(_lines([heads]), encoding="utf-8")
                write_text(self._about, json.dumps({"identity": self._identity}))
            self._file = self._part.open("a", encoding="utf-8")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, cells: Sequence[Cell], found: Assessment) -> None:
        """Add the rows of a batch.

        Args:
            cells: The cells.
            found: What the classifier says about those that have a patch, in their order.
        """
        assert self._file is not None
        with explained(self._part):
            if self.embeddings is not None and len(found.probabilities):
                self._add_embeddings(self.embeddings, [cell for cell in cells if cell.patch is not None], found)
            self._file.write(_lines(self._rows(cells, found)))
            self._file.flush()
        self.n_done += len(cells)

    def finish(self) -> Predicted:
        """Give the complete file its name, and return what it contains."""
        assert self._file is not None
        self._file.close()
        table = pd.read_csv(self._part, keep_default_na=False)
        with output_file(self.path) as part:
            part.write_bytes(self._part.read_bytes())
        for path in (self._part, self._about):
            path.unlink()
        bad = table[table["problem"] != ""]
        good = table[table["problem"] == ""]
        counts = Counter(good["class"])
        return Predicted(
            len(good),
            len(bad),
            tuple(f"{row.source}: {row.problem}" for row in bad.head(SHOWN).itertuples()),
            {name: counts[name] for name in self.classes},
            int((good["unsure"].astype(str) == "True").sum()) if self.knows_doubt else None,
            int((pd.to_numeric(good["distance"], errors="coerce") > 1).sum()),
        )

    def _is_continued(self) -> bool:
        with suppress(OSError, ValueError, TypeError, KeyError):
            return (
                bool(json.loads(self._about.read_text(encoding="utf-8"))["identity"] == self._identity)
                and self._part.is_file()
            )
        return False

    def _rows(self, cells: Sequence[Cell], found: Assessment) -> Iterator[tuple[object, ...]]:
        place = 0
        for cell in cells:
            where = printable(cell.source), _number(cell.x), _number(cell.y)
            if cell.patch is None:
                yield (*where, "", "", "", printable(cell.problem), *[""] * len(self.classes))
                continue
            p, distance = found.probabilities[place], found.distance[place]
            unsure = bool(found.is_unsure[place]) if self.knows_doubt else ""
            yield (*where, self.classes[int(p.argmax())], unsure, _number(distance), "", *(f"{each:.6f}" for each in p))
            place += 1

    def _add_embeddings(self, folder: Path, cells: Sequence[Cell], found: Assessment) -> None:
        table = pd.DataFrame(found.embeddings, columns=[f"e{n}" for n in range(found.embeddings.shape[1])])
        table.insert(0, "source", [printable(cell.source) for cell in cells])
        table.insert(1, "x", [cell.x for cell in cells])
        table.insert(2, "y", [cell.y for cell in cells])
        path = folder / f"cells-{self.n_done:09}.parquet"
        part = path.with_name(f".{path.name}.part")
        table.to_parquet(part, index=False)
        part.replace(path)


def predict_cells(
    classifier: Classifier,
    cells: pd.DataFrame,
    file: PredictionFile,
    magnification: float = 1.0,
    batch_size: int = 256,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Predicted:
    """Classify all cells that a file does not have yet, and complete the file.

    Args:
        classifier: The classifier.
        cells: All cells, with the columns `source`, `x` and `y`.
        file: The open output.
        magnification: As for `read_cells`.
        batch_size: Cells at once. It has no influence on the results.
        progress: Called after each batch with the number of cells done and their total.
    """
    size = classifier.native_size
    left = read_cells(cells.iloc[file.n_done :], size, magnification)
    while batch := list(islice(left, batch_size)):
        patches = [cell.patch for cell in batch if cell.patch is not None]
        file.add(batch, classifier.assess(np.stack(patches) if patches else np.zeros((0, size, size, 3), np.uint8)))
        progress(file.n_done, len(cells))
    return file.finish()


def _identity(classifier: Classifier, cells: pd.DataFrame, magnification: float, embeddings: Path | None) -> str:
    """Return a hash of all that the rows depend on."""
    digest = hashlib.sha256(classifier.digest.encode())
    digest.update(
        json.dumps([magnification, None if embeddings is None else os.fspath(embeddings.absolute())]).encode()
    )
    digest.update(cells.to_csv(index=False).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _whole_rows(path: Path) -> int:
    """Return the number of complete rows below the head of a file, and cut off one that a kill left incomplete."""
    content = path.read_bytes()
    end = content.rfind(b"\n") + 1
    if end < len(content):
        with path.open("r+b") as file:
            file.truncate(end)
    return content.count(b"\n") - 1


def _number(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.6g}"


def _lines(rows: Iterator[tuple[object, ...]] | Sequence[tuple[object, ...]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()
