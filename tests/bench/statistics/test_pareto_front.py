"""Several objectives: the Pareto front, the winner, and what samplers learn."""

import numpy as np
import pytest
from optuna.trial import TrialState
from ray.tune.result import TRAINING_ITERATION

from bench.planning.arguments import SearchArguments
from bench.planning.request import make_request
from bench.record.trial import TrialRecord
from bench.reporting.figures import draw_front
from bench.space.objectives import OBJECTIVES, parse_objectives
from bench.space.reader import load_space
from bench.statistics.pareto_front import front_winner, members, non_dominated
from bench.statistics.selection import Standing, finalists
from bench.tuning.config import OBJECTIVE, OUTCOME
from bench.tuning.samplers import OptunaMethodSearch
from cellbench.errors import NotFoundError, SettingError
from cellbench.training.configuration import Configuration

BOTH = parse_objectives("f1,ssim")
SPACE = load_space("mask_fixed")


def trial(r_max, f1, ssim, outcome="completed", fold=0, l1=0.1):
    params = SPACE.complete({"r_max": float(r_max)})
    metrics = {"probe/f1_macro": f1, "val/ssim_cell": ssim, "val/l1_core": l1}
    return TrialRecord(
        key=f"{r_max}-{fold}", number=int(r_max), stage="search", method="mask_fixed",
        configuration=SPACE.configuration(params).id, params=params, fold=fold, seed=0, epochs=1, outcome=outcome,
        metrics=metrics,
    )  # fmt: skip


def test_the_front_is_what_a_slow_search_for_dominators_leaves():
    values = np.random.default_rng(0).integers(0, 6, (40, 3)).astype(float)
    slow = [not any((other >= one).all() and (other > one).any() for other in values) for one in values]
    assert non_dominated(values).tolist() == slow


def test_members_are_listed_front_first_and_an_error_counts_downwards():
    records = [trial(50, 0.7, 0.2), trial(60, 0.6, 0.4), trial(70, 0.5, 0.3), trial(80, 0.9, 0.9, "failed")]
    found = members(records, BOTH)
    assert [(m.values["f1"], m.on_front) for m in found] == [(0.7, True), (0.6, True), (0.5, False)]
    errors = [trial(50, 0.7, 0.2, l1=0.1), trial(60, 0.6, 0.2, l1=0.2)]
    assert [m.on_front for m in members(errors, parse_objectives("f1,l1_core"))] == [True, False]


def test_finalists_are_members_of_the_front():
    records = [trial(50, 0.7, 0.2), trial(60, 0.6, 0.4), trial(70, 0.65, 0.1)]
    assert [c.params["r_max"] for c in finalists(records, "mask_fixed", BOTH, 3)] == [50.0, 60.0]
    assert [c.params["r_max"] for c in finalists(records, "mask_fixed", BOTH[:1], 3)] == [50.0, 70.0, 60.0]


def standing(name, f1, ssim):
    records = tuple(trial(50, a, b, fold=fold) for fold, (a, b) in enumerate(zip(f1, ssim, strict=True)))
    configuration = Configuration(method="vae", params={"name": name})
    return Standing(configuration, dict(enumerate(f1)), records)


def test_among_those_alike_in_the_first_objective_the_second_decides():
    alike = [standing("a", [0.700, 0.705], [0.2, 0.2]), standing("b", [0.701, 0.700], [0.4, 0.4])]
    worse = standing("c", [0.3, 0.3], [0.9, 0.9])
    assert front_winner([*alike, worse], BOTH) is alike[1]
    assert front_winner([*alike, worse], BOTH[:1]) is alike[0]
    assert front_winner([alike[0], standing("d", [0.7], [0.9])], BOTH) is alike[0], "not all folds"


@pytest.mark.parametrize("sampler", ["tpe", "gp", "random"])
def test_a_sampler_learns_both_objectives_and_suggests_the_same_after_a_resume(sampler):
    def run(n, restored=()):
        search = OptunaMethodSearch(SPACE, sampler, 0, (), 12, BOTH)
        points = []
        for record in restored:
            search.restore(record, {1: record.metrics["probe/f1_macro"]})
        for number in range(len(restored), n):
            point = search.next_point(str(number))
            points.append(point)
            f1, ssim = 1 / point["r_max"], point["r_max"] / 200
            result = {OBJECTIVE: f1, TRAINING_ITERATION: 1, OUTCOME: "completed"}
            search.on_trial_complete(str(number), {**result, "probe/f1_macro": f1, "val/ssim_cell": ssim})
        return points, search

    points, search = run(9)
    assert search.study().directions == [search.study().directions[0]] * 2
    assert [len(t.values) for t in search.study().trials if t.state == TrialState.COMPLETE] == [2] * 9
    records = []
    for number, point in enumerate(points[:7]):
        record = trial(point["r_max"], 1 / point["r_max"], point["r_max"] / 200)
        records.append(record.model_copy(update={"params": point, "number": number}))
    assert run(9, records)[0] == points[7:]


def test_options_for_a_single_objective_are_refused(home, discs):
    (home / "datasets").mkdir(exist_ok=True)
    (home / "datasets" / "discs").symlink_to(discs.path)
    asked = {"command": "", "methods": ["mask_fixed"], "dataset": "discs", "epochs": 1, "size": "16"}
    request, _ = make_request(SearchArguments(**asked, objective="f1,ssim"))
    assert (request.scheduler, request.primary_objective, request.objectives) == ("none", OBJECTIVES.get("f1"), BOTH)
    with pytest.raises(SettingError, match="--scheduler asha compares trials by one number"):
        make_request(SearchArguments(**asked, objective="f1,ssim", scheduler="asha"))
    with pytest.raises(SettingError, match="--stop-early looks at one number"):
        make_request(SearchArguments(**asked, objective="f1,ssim", stop_early=True))
    with pytest.raises(SettingError, match="--objective f1,f1 names an objective twice"):
        make_request(SearchArguments(**asked, objective="f1,f1"))
    with pytest.raises(NotFoundError, match="did you mean 'ssim'"):
        make_request(SearchArguments(**asked, objective="f1,sim"))


def test_the_front_is_drawn(tmp_path):
    found = members([trial(50, 0.7, 0.2), trial(60, 0.6, 0.4), trial(70, 0.5, 0.3)], BOTH)
    draw_front(found, found[0].configuration, tmp_path / "front.png")
    assert (tmp_path / "front.png").read_bytes()[1:4] == b"PNG"
