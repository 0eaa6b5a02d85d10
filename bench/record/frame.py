"""The trials of a search as a tidy data frame, with the unit and the meaning of each column."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

FIRST = ("search", "dataset", "key", "stage", "number", "name", "method", "configuration", "fold", "seed", "outcome")
"""The first columns, in their order."""
COLUMNS = {
    "search": ("", "name of the search"),
    "dataset": ("", "name of the data set"),
    "key": ("", "name of the trial, unique in its search, and of its folder"),
    "stage": (
        "",
        "`search`, `folds` (finalists on further folds), `final` (winners from fresh seeds), `protocol` (of a "
        "reproduction) or `oracle`",
    ),
    "number": ("", "position of the trial in its stage, from 0"),
    "name": ("", "name of a reproduction's configuration, else that of the suppression"),
    "method": ("", "name of the suppression"),
    "configuration": ("", "short hash of the method and its hyperparameters"),
    "fold": ("", "fifth of the pool that the training did not see; missing: it saw the whole pool"),
    "seed": ("", "seed of the training"),
    "outcome": ("", "`completed`, `pruned`, `failed` or `running`"),
    "epochs": ("epochs", "length of a full training"),
    "epoch": ("epochs", "epochs trained"),
    "reason": ("", "why the trial was pruned or failed"),
    "started": ("UTC", "start of the trial"),
    "ended": ("UTC", "end of the trial; missing while it runs"),
    "nodes": ("", "addresses of the machines that trained it"),
}
"""Unit and meaning of each column that is neither a hyperparameter nor a metric."""


def load(search: str) -> "pd.DataFrame":
    """Return the trials of a search as a tidy table: one row for each trial, in the order of the stages.

    A trial is one training: one configuration, fold and seed. The columns are those of `COLUMNS`, `params/NAME` for
    each hyperparameter, and one for each metric, with its last value. `describe` gives the unit of each.

    Args:
        search: Name of the search.

    Raises:
        NotFoundError: The search is unknown.
        DataError: The request or a record is damaged.
    """
    import pandas as pd

    from bench.record.folder import SearchFolder
    from bench.record.request import Request

    folder = SearchFolder.open(search)
    request = Request.read(folder)
    names = {entry.configuration.id: entry.name for entry in request.protocol}
    rows = []
    for record in folder.records():
        row = {"search": search, "dataset": request.dataset} | record.model_dump(exclude={"params", "metrics"})
        row["name"] = names.get(record.configuration, record.method)
        row["nodes"] = ", ".join(record.nodes)
        row |= {f"params/{name}": value for name, value in record.params.items()}
        rows.append(row | record.metrics)
    frame = pd.DataFrame(rows)
    if frame.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    for name in ("started", "ended"):
        frame[name] = pd.to_datetime(frame[name], unit="s", utc=True)
    frame["fold"] = frame["fold"].astype("Int64")
    return frame[[*FIRST, *(name for name in frame.columns if name not in FIRST)]]


def describe(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Return the unit and the meaning of each column of a table of trials.

    Args:
        frame: What `load` returned.

    Returns:
        One row for each column, with the columns `column`, `unit` and `meaning`. The unit is empty where there is none.
    """
    import pandas as pd

    rows = [(name, *_unit_and_meaning(name, frame)) for name in frame.columns]
    return pd.DataFrame(rows, columns=["column", "unit", "meaning"])


def _unit_and_meaning(name: str, frame: "pd.DataFrame") -> tuple[str, str]:
    from cellbench.errors import NotFoundError
    from cellbench.scores.metrics import find_metric

    if name in COLUMNS:
        return COLUMNS[name]
    if name.startswith("params/"):
        return _parameter(name.removeprefix("params/"), list(frame.loc[frame[name].notna(), "method"].unique()))
    try:
        metric = find_metric(name)
    except NotFoundError:
        return "", "a metric of another version, or of a package that is not installed"
    return metric.unit, metric.title


def _parameter(name: str, methods: "list[str]") -> tuple[str, str]:
    from cellbench.suppression.base import SUPPRESSIONS, length_names  # imports torch

    known = [method for method in methods if method in SUPPRESSIONS]  # a method of another package may be missing
    is_length = any(name in length_names(method) for method in known)
    return "native px" if is_length else "", f"hyperparameter of {', '.join(sorted(methods))}"
