"""What every objective must do. A new objective is one more parameter of each test."""

import math
import re

import pytest

from bench.space.objectives import OBJECTIVES, parse_objectives, register
from bench.statistics.selection import Standing, overall
from cellbench.errors import NotFoundError, SettingError
from cellbench.scores.cell_content import MIN_CELLS
from cellbench.scores.metrics import find_metric
from cellbench.training.configuration import Configuration

every_objective = pytest.mark.parametrize(
    "objective", [record.thing for record in OBJECTIVES.items()], ids=OBJECTIVES.names()
)


@every_objective
def test_the_record_is_complete(objective):
    assert OBJECTIVES.get(objective.name) is objective
    assert re.fullmatch("[a-z0-9_]+", objective.name), "a name is typed, and names are separated by commas"
    assert objective.description
    assert "\n" not in objective.description
    assert objective.sign in (1, -1)
    assert objective.noise > 0
    assert objective.min_unseen >= 0


@every_objective
def test_its_metrics_are_in_the_table_and_have_its_direction(objective):
    direction = {1: "max", -1: "min"}[objective.sign]
    for name in (objective.rung, objective.final):
        assert find_metric(name).direction == direction


@every_objective
def test_a_metric_that_is_nan_counts_as_the_worst(objective):
    assert objective.in_progress({objective.final: math.nan}) == objective.sign * objective.worst


@every_objective
def test_ray_tune_maximises_a_finite_number_from_the_first_epoch(objective):
    assert math.isfinite(objective.worst)
    assert objective.in_progress({}) == objective.sign * objective.worst
    assert objective.in_progress({objective.rung: 0.3}) == objective.sign * 0.3
    assert objective.in_progress({objective.rung: 0.3, objective.final: 0.5}) == objective.sign * 0.5


@every_objective
def test_a_trial_without_a_value_is_worse_than_a_usual_one(objective):
    assert objective.in_progress({}) < objective.in_progress({objective.rung: 0.5})


@every_objective
def test_methods_are_compared_where_the_record_says(objective):
    """Method `a` is better on folds, method `b` from fresh seeds."""
    configuration = Configuration(method="vae")
    better, worse = (0.6, 0.4) if objective.sign == 1 else (0.4, 0.6)
    winners = {"a": Standing(configuration, {0: better}, ()), "b": Standing(configuration, {0: worse}, ())}
    found = overall(winners, {"a": [0.5], "b": [0.7]}, objective)
    assert found == {"folds": "a", "fresh_seeds": "b"}[objective.decided_on]


@every_objective
def test_only_the_metric_of_fresh_seeds_is_decided_on_fresh_seeds(objective):
    assert objective.decided_on == "folds" or objective.final == "probe/f1_macro"


def test_several_objectives_keep_their_order():
    assert [each.name for each in parse_objectives("ssim, f1")] == ["ssim", "f1"]
    assert parse_objectives(",".join(OBJECTIVES.names())) == tuple(record.thing for record in OBJECTIVES.items())


def test_an_objective_is_named_once():
    with pytest.raises(SettingError, match="--objective f1,f1 names an objective twice"):
        parse_objectives("f1,f1")


def test_the_error_for_an_unknown_objective_names_the_nearest():
    with pytest.raises(NotFoundError, match="no objective 'sim'; did you mean 'ssim'"):
        parse_objectives("f1,sim")


def test_a_name_is_registered_once():
    with pytest.raises(SettingError, match="'f1' is registered twice"):
        register(OBJECTIVES.get("f1"))


def test_label_free_needs_as_many_patches_as_cell_content():
    assert OBJECTIVES.get("label_free").min_unseen == MIN_CELLS
