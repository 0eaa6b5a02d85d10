"""The MLflow runs of floors and ceilings, which stand beside those of trials."""

from typing import TYPE_CHECKING

from bench.record.reproduction import ReproducedRow
from bench.record.summary import Row
from bench.terminal.formatting import with_spread
from bench.tracking.client import log_metrics
from bench.tracking.names import metric_name

if TYPE_CHECKING:
    from mlflow import MlflowClient


def row_key(row: Row | ReproducedRow) -> str:
    """Return what stands in the place of a trial's key for a floor or a ceiling, and is the name of its run."""
    return f"{row.kind} {row.name}"


def row_metrics(row: Row | ReproducedRow) -> dict[str, float]:
    """Return the metrics of the run of a floor or a ceiling: macro F1 with all and with few labels, and on the holdout.

    Its standard deviation is over seeds, while that of a trial, `probe/f1_std`, is over folds; so it is left out.
    """
    found = {"probe/f1_macro": row.f1_macro} | {f"probe/f1_macro_{n}": f1 for n, f1 in row.few_labels.items()}
    if isinstance(row, Row):
        holdout = {"f1_macro": row.holdout, "f1_low": row.holdout_low, "f1_high": row.holdout_high}
        found |= {f"holdout/{name}": value for name, value in holdout.items() if value is not None}
    return found


def row_note(row: Row | ReproducedRow) -> str:
    """Return a description of a floor or a ceiling, for people."""
    what = {
        "floor": "needs neither labels nor training; a method that is not above it has learned nothing useful",
        "ceiling": "uses what no method may use; methods are not expected to reach it",
    }[row.kind]
    return f"The {row.kind} {row.name}: it {what}. Macro F1 {with_spread(row.f1_macro, row.f1_std)}."


def fill_row(client: "MlflowClient", run_id: str, row: Row | ReproducedRow) -> None:
    """Write the metrics of a floor or a ceiling to its run, and close it. The store ignores what it has already."""
    client.set_tag(run_id, "mlflow.note.content", row_note(row))
    when = client.get_run(run_id).info.start_time
    log_metrics(client, run_id, [(metric_name(name), value, when, 0) for name, value in row_metrics(row).items()])
    client.set_terminated(run_id, "FINISHED")
