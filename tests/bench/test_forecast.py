"""How long a search takes on how many slots, against slow and obvious answers."""

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bench.forecast import app
from bench.record.profiles import PROFILES
from bench.statistics.forecast import Costs, forecast

GPU = PROFILES["gpu"]
COSTS = Costs(epoch_s=10.0, scoring_s=0.0, epochs=25)
DOCS = Path(__file__).parents[2] / "docs" / "scale.md"


def test_one_at_a_time_without_asha_is_the_sum_of_all_trainings():
    plain = replace(GPU, n_rungs=0)
    found = forecast(plain, COSTS, at_once=1, oracle=False)
    assert found.seconds == pytest.approx((40 + 3 * 4 + 3 * 5 / 4) * COSTS.full_s)
    assert found.busy == pytest.approx(1.0)


def test_asha_saves_most_of_the_search_stage_and_nothing_after_it():
    with_asha, without = (forecast(each, COSTS, at_once=1) for each in (GPU, replace(GPU, n_rungs=0)))
    assert with_asha.stages[0] < 0.5 * without.stages[0]
    assert with_asha.stages[1:] == without.stages[1:]


def test_more_slots_than_trials_leave_the_stages_one_after_another():
    found = forecast(GPU, COSTS, at_once=1000)
    assert found.seconds == pytest.approx((1 + 1 + 5 / 4) * COSTS.full_s)
    assert found.seconds <= forecast(GPU, COSTS, at_once=40).seconds


def test_scores_are_paid_by_trials_that_finish():
    plain = replace(GPU, n_rungs=0)
    dear = replace(COSTS, scoring_s=30.0)
    more = forecast(plain, dear, at_once=1).seconds - forecast(plain, COSTS, at_once=1).seconds
    assert more == pytest.approx(30 * (40 + 12 + 3 + 1))


def test_the_ceiling_waits_for_the_winner_where_methods_are_compared():
    one, two = (forecast(GPU, COSTS, at_once=1000, n_methods=n) for n in (1, 2))
    assert two.stages[2] == pytest.approx(2 * one.stages[2])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--profile", "auto"], "--profile must be 'quick', 'cpu', 'gpu' or 'paper'; got 'auto'."),
        (["--at-once", "8,0"], "--at-once must be numbers of trials such as 1,8,64"),
        (["--at-once", "²"], "--at-once must be numbers of trials such as 1,8,64"),
        (["--at-once", "99999999999"], "at most 100000"),
        (["--patches-per-s", "0"], "--patches-per-s must be greater than or equal to 0.001; got '0'."),
        (["--patches-per-s", "inf"], "--patches-per-s must be"),
        (["--patches-per-s", "nan"], "--patches-per-s must be"),
        (["--scoring-s", "5"], "--scoring-s needs --patches-per-s"),
        (["--trials", "5"], "There is no option --trials. See"),
        (["--methods"], "Option '--methods' requires an argument."),
    ],
)
def test_mistakes(arguments, message):
    found = CliRunner().invoke(app, arguments)
    assert found.exit_code == 2
    assert message in found.stderr
    assert found.stdout == ""


def test_the_tables_of_the_document_are_what_the_program_prints():
    """The document shows each table below its command, in one code block."""
    blocks = DOCS.read_text(encoding="utf-8").split("```text\n$ python -m bench.forecast ")[1:]
    assert len(blocks) >= 3
    for block in blocks:
        command, *lines = block.split("```")[0].splitlines()
        printed = CliRunner().invoke(app, command.split()).output.splitlines()
        assert [line.strip() for line in printed] == [line.strip() for line in lines]
