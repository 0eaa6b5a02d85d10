"""The part of a report that compares several data sets: which configuration ranks first over all of them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.reporting.critical_difference import critical_difference_figures
from bench.reporting.report.evidence import Article, Evidence, Picture, Section, Table
from bench.terminal.formatting import counted
from cellbench.errors import DataError, listing

if TYPE_CHECKING:
    import pandas as pd

    from bench.statistics.comparison.ranks import Ranking

NAME = "All data sets"
TITLE = "Ranks over the data sets"


def comparison_of_datasets(reports: Sequence[Evidence]) -> Article | None:
    """Return the comparison of reproductions on several data sets; None for searches, or for a single report.

    Configurations and floors are ranked by mean macro F1 on each data set. A configuration is the same on two data sets
    where its lengths are the same share of the patch, or where they are estimated on each.

    Args:
        reports: All reports of the page.
    """
    if len(reports) < 2 or any(evidence.kind != "reproduction" for evidence in reports):
        return None
    names = [evidence.dataset for evidence in reports]
    under = f"Reproductions on {listing(names)}"
    if len(set(names)) < len(names):
        return _without(under, "Two of the reproductions have the same data set; ranks need different ones.")
    if missing := [evidence.name for evidence in reports if not evidence.rows]:
        return _without(under, f"Not all have ended; python -m bench.reproduce --resume {missing[0]} continues one.")
    scores = _scores(reports)
    from bench.statistics.comparison.ranks import rank_methods

    try:
        ranking = rank_methods(scores)
    except DataError as error:
        return _without(under, f"{error}.")
    picture = Picture("critical-difference", "Critical-difference diagram", critical_difference_figures(ranking))
    words = [
        ranking.sentence,
        "Each row of the table is ranked on every data set by mean macro F1; 1 is the best rank. A length in a name is "
        "in px of a patch of 256 px. Floors are ranked beside the configurations.",
        f"{counted(len(reports), 'data set')} say little about others: they were not drawn at random.",
    ]
    if ranking.left_out:
        words.append(f"Left out, because a data set has no score of them: {listing(ranking.left_out)}.")
    section = Section("ranks", TITLE, tuple(words), (_table(scores, ranking),), pictures=(picture,))
    return Article(NAME, under, (section,))


def _without(under: str, why: str) -> Article:
    return Article(NAME, under, (Section("ranks", TITLE, missing=why),))


def _scores(reports: Sequence[Evidence]) -> "pd.DataFrame":
    """Return mean macro F1, one row a data set and one column a configuration or floor."""
    import pandas as pd

    found = {
        evidence.dataset: {
            evidence.shared_names.get(row.name, row.name): row.f1_macro
            for row in evidence.rows
            if row.kind != "ceiling"
        }
        for evidence in reports
    }
    return pd.DataFrame(found).T


def _table(scores: "pd.DataFrame", ranking: "Ranking") -> Table:
    import pandas as pd

    frame = scores[list(ranking.ranks)].T.rename_axis("name").reset_index()
    frame.insert(1, "average_rank", pd.Series(list(ranking.ranks.values())))
    cells = tuple((name, f"{rank:.2f}", *(f"{f1:.3f}" for f1 in scores[name])) for name, rank in ranking.ranks.items())
    return Table("ranks", TITLE, ("", "average rank", *map(str, scores.index)), cells, frame)
