"""Collects what a report says about a search from its folder and its data set."""

import time
from typing import TYPE_CHECKING, Literal

from bench.home.environment import read_environments
from bench.record import load
from bench.record.folder import SearchFolder
from bench.record.reproduction import ReproducedRow, Reproduction
from bench.record.request import Request
from bench.record.summary import Row, Summary
from bench.reporting.report.evidence import F1, ClassFacts, Evidence, Table
from bench.reporting.report.sections.outcome import lead_interval, not_ended, number
from bench.reporting.report.trial_files import confusions_of, embedding_of, pictures_of
from bench.reporting.verdict import holdout_sentence
from bench.terminal.formatting import counted
from cellbench.errors import CellbenchError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from cellbench.patches import PatchSet
    from cellbench.scores.confusions import Confusions


def gather(search: str, code: str, projection: Literal["pca", "umap"] = "pca") -> Evidence:
    """Return everything that a report says about a search.

    Args:
        search: Name of the search.
        code: Version of the code that makes the page.
        projection: How the embeddings become a map.

    Raises:
        NotFoundError: The search is unknown.
        DataError: A file of the search is damaged.
    """
    folder = SearchFolder.open(search)
    request, trials = Request.read(folder), load(search)
    if request.protocol:
        patch_set, why = _data_set(request)
        evidence = _of_reproduction(folder, request, trials, patch_set, code)
        return _with_files(evidence, folder, patch_set, why, projection)
    summary = Summary.read(folder)
    chosen = _chosen(summary, trials)
    patch_set, why = _data_set(request)
    evidence = Evidence(
        name=search,
        dataset=request.dataset,
        answer=_answer(summary, search) if summary is not None else (not_ended("search", search),),
        remarks=tuple(summary.notes) if summary is not None else (),
        trials=trials,
        rows=tuple(summary.rows) if summary is not None else (),
        chosen=chosen,
        lengths={space.method: tuple(space.lengths or ()) for space in request.spaces},
        um_per_px=request.um_per_px,
        cell_radius_px=request.cell_radius_px if isinstance(request.cell_radius_px, float) else None,
        response=summary.response if summary is not None else None,
        n_per_class=_n_per_class(patch_set),
        facts=_facts(folder, request, trials, code),
        commands=_commands(request, summary),
    )
    return _with_files(evidence, folder, patch_set, why, projection)


def _with_files(
    evidence: Evidence,
    folder: SearchFolder,
    patch_set: "PatchSet | None",
    why: str,
    projection: Literal["pca", "umap"],
) -> Evidence:
    """Return the evidence with pictures, map and confusion matrices, or why there are none."""
    pictures, without = pictures_of(folder, evidence)
    embedding, lost = embedding_of(folder, evidence, patch_set, projection) if patch_set is not None else (None, why)
    confusions, unread = confusions_of(folder, evidence, patch_set.card.classes) if patch_set is not None else ({}, why)
    gaps = {key: text for key, text in (("pictures", without), ("map", lost), ("confusions", unread)) if text}
    return evidence.with_files(pictures, embedding, _class_facts(confusions, patch_set), gaps)


def _class_facts(confusions: "Mapping[str, tuple[Confusions, ...]]", patch_set: "PatchSet | None") -> ClassFacts:
    if patch_set is None:
        return ClassFacts(confusions)
    order = tuple(tuple(one) for one in patch_set.card.class_order)
    frequencies, source = patch_set.class_frequencies() or (None, "pool")
    return ClassFacts(confusions, order, frequencies, source)


def _of_reproduction(
    folder: SearchFolder, request: Request, trials: "pd.DataFrame", patch_set: "PatchSet | None", code: str
) -> Evidence:
    """Return the evidence of a reproduction, whose methods are the entries of its protocol."""
    outcome = Reproduction.read(folder)
    names = {entry.configuration.id: entry.name for entry in request.protocol}
    rows = [] if outcome is None else [_row(row) for row in outcome.rows]
    resume = f"python -m bench.reproduce --resume {request.name}"
    return Evidence(
        name=request.name,
        dataset=request.dataset,
        answer=tuple(outcome.sentences()) if outcome is not None else (not_ended("reproduction", request.name),),
        remarks=tuple(outcome.notes) if outcome is not None else (),
        trials=trials.assign(method=[names[each] for each in trials["configuration"]]),
        rows=tuple(rows),
        chosen={name: configuration for configuration, name in names.items()},
        lengths={},
        um_per_px=request.um_per_px,
        cell_radius_px=request.cell_radius_px if isinstance(request.cell_radius_px, float) else None,
        n_per_class=_n_per_class(patch_set),
        facts=_facts(folder, request, trials, code),
        commands=(
            ("run the reproduction again", request.command),
            ("continue it, or print its result", resume),
            ("make this page again", f"python -m bench.report {request.name}"),
            ("all trainings in Python", f'from bench.record import load; trials = load("{request.name}")'),
        ),
        intervals={} if outcome is None else {row.name: ends for row in outcome.methods if (ends := row.interval)},
        comparisons=None if outcome is None else _comparisons(outcome),
        kind="reproduction",
        is_named=True,
        shared_names={entry.name: entry.shared_name for entry in request.protocol},
    )


def _row(row: ReproducedRow) -> Row:
    shared = {"kind", "name", "configuration", "params", "f1_macro", "f1_std", "few_labels", "scores", "share"}
    return Row(
        **row.model_dump(include={*shared, "n_completed", "n_failed", "seconds", "patches"}),
        n_seeds=max(1, row.n_completed),
        lead_interval=row.lead_words,
        n_trials=row.n_completed + row.n_failed,
    )


def _comparisons(outcome: Reproduction) -> Table:
    import pandas as pd

    found = [(row.name, each) for row in outcome.methods for each in row.against]
    cells = tuple(
        (
            f"{name} − {each.reference}",
            each.verdict,
            f"{each.difference:+.3f}",
            "–" if each.low is None else f"{each.low:+.3f} to {each.high:+.3f}",
            number(each.p),
            number(each.equal),
        )
        for name, each in found
    )
    heads = ("", "verdict", "difference", "95 % interval", "p, Holm", "practically equal")
    frame = pd.DataFrame([{"name": name, **each.model_dump()} for name, each in found])
    return Table("comparisons", "Paired differences of macro F1", heads, cells, frame, n_text=2, is_folded=True)


def _chosen(summary: Summary | None, trials: "pd.DataFrame") -> dict[str, str]:
    """Return the configuration of each method: that of its row, else that of its best trial so far."""
    if summary is not None:
        return {row.name: row.configuration for row in summary.rows if row.kind == "method"}
    if F1 not in trials:
        return {}
    done = trials[(trials["outcome"] == "completed") & trials[F1].notna()].sort_values(F1, ascending=False)
    best = done.drop_duplicates("method")
    return {str(method): str(each) for method, each in zip(best["method"], best["configuration"], strict=True)}


def _answer(summary: Summary, search: str) -> tuple[str, ...]:
    """Return the verdict, the difference with its interval, and what follows from them, one sentence each."""
    best, floor = summary.best, summary.best_floor
    difference = f"Macro F1 of {best.name} minus that of {floor.name} is {_signed(best.f1_macro - floor.f1_macro)}"
    ends = lead_interval(best, floor)
    if ends is None:
        score = f"{difference}, from one fresh seed, so without an interval."
    else:
        over = counted(best.n_seeds, "fresh seed")
        score = f"{difference}, with a 95 % interval over {over} from {_signed(ends[0])} to {_signed(ends[1])}."
    advice = summary.advice()
    return tuple(filter(None, (summary.verdict(), score, holdout_sentence(summary), advice, summary.way())))


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


def _data_set(request: Request) -> "tuple[PatchSet | None, str]":
    """Return the data set of a search; where it cannot be opened, None and the reason."""
    from bench.home.datasets import reopen_dataset

    try:
        return reopen_dataset(request.dataset_identity).patch_set, ""
    except CellbenchError as error:
        return None, str(error)


def _n_per_class(patch_set: "PatchSet | None") -> dict[str, int]:
    if patch_set is None:
        return {}
    labels = patch_set.labels(patch_set.rows("labelled"))
    return {name: int((labels == code).sum()) for code, name in enumerate(patch_set.card.classes)}


def _facts(folder: SearchFolder, request: Request, trials: "pd.DataFrame", code: str) -> tuple[tuple[str, str], ...]:
    settings = request.settings
    nodes = sorted({node for text in trials["nodes"] for node in text.split(", ") if node}) if len(trials) else []
    seeds = sorted({int(seed) for seed in trials["seed"]}) if len(trials) else []
    return (
        ("search", f"{request.name}, started {_utc(request.created)}"),
        ("data set", f"{request.dataset}, patches of {request.native_size} px"),
        ("fingerprint of the data set", request.fingerprint),
        ("profile, sampler, scheduler", f"{request.profile}, {request.sampler}, {request.scheduler}"),
        ("objective", request.objective),
        ("network", f"{settings.encoder}, {settings.network_size} px, {settings.epochs} epochs, "
                    f"batches of {settings.batch_size}"),
        ("probe", settings.probe),
        ("seed of the search", str(request.seed)),
        ("fresh seeds", ", ".join(map(str, request.final_seeds()))),
        ("seeds of the trials", ", ".join(map(str, seeds)) or "none yet"),
        ("machines", ", ".join(nodes) or "not recorded"),
        *_environments(folder),
        ("page made", f"{_utc(time.time())} by cellbench {code}"),
    )  # fmt: skip


def _environments(folder: SearchFolder) -> list[tuple[str, str]]:
    """Return the versions that the search ran with; several where it was resumed with other ones."""
    found = read_environments(folder.environment_path)
    title = "versions of the search"
    if not found:
        return [(title, "not recorded, because the search was started by an older version of cellbench")]
    later = [(f"versions from {_utc(each.since)}", each.in_words()) for each in found[1:]]
    return [(title, found[0].in_words()), *later]


def _commands(request: Request, summary: Summary | None) -> tuple[tuple[str, str], ...]:
    name = request.name
    known = (
        ("run the search again", request.command),
        ("continue the search, or print its result", f"python -m bench.search --resume {name}"),
        ("make this page again", f"python -m bench.report {name}"),
        ("all trials as CSV", f"python -m bench.results {name} --csv trials.csv"),
        ("all trials in Python", f'from bench.record import load; trials = load("{name}")'),
    )
    if summary is None:
        return known
    floor = "" if summary.beats_floors else f" --representation {summary.best_floor.name}"
    return (*known, ("make a classifier", f"python -m bench.classify --search {name}{floor}"))


def _utc(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))
