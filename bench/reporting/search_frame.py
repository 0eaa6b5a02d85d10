"""The trials of a search as a data frame."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def search_frame(search: str) -> "pd.DataFrame":
    """Return the trials of a search as a tidy table: one row for each trial, in the order of the stages.

    Columns: `search`, `dataset`, `key`, `stage`, `number`, `method`, `configuration`, `fold` (missing: whole pool),
    `seed`, `outcome`, `reason`, `epoch`, `epochs`, `started` and `ended` (UTC), `nodes`; `params/NAME` for each
    hyperparameter, lengths in native px; one column for each metric, with its last value.

    Args:
        search: Name of the search.

    Raises:
        NotFoundError: The search is unknown.
    """
    import pandas as pd

    from bench.record.folder import SearchFolder
    from bench.record.request import Request

    folder = SearchFolder.open(search)
    request = Request.read(folder)
    rows = []
    for record in folder.records():
        row = {"search": search, "dataset": request.dataset} | record.model_dump(exclude={"params", "metrics"})
        row["nodes"] = ", ".join(record.nodes)
        row |= {f"params/{name}": value for name, value in record.params.items()}
        rows.append(row | record.metrics)
    first = ["search", "dataset", "key", "stage", "number", "method", "configuration", "fold", "seed", "outcome"]
    frame = pd.DataFrame(rows)
    if frame.empty:
        return pd.DataFrame(columns=first)
    for name in ("started", "ended"):
        frame[name] = pd.to_datetime(frame[name], unit="s", utc=True)
    frame["fold"] = frame["fold"].astype("Int64")
    return frame[[*first, *(name for name in frame.columns if name not in first)]]
