"""The progress of a search on the terminal."""

import io

import pytest
from rich.console import Console

from bench.record.trial import TrialRecord
from bench.reporting.progress import ProgressView
from bench.space.objectives import OBJECTIVES
from bench.terminal import console as module


@pytest.fixture(params=[True, False], ids=["terminal", "file"])
def screen(request, monkeypatch):
    console = Console(file=io.StringIO(), force_terminal=request.param, width=120, highlight=False)
    monkeypatch.setattr("bench.reporting.progress.console", lambda: console)
    monkeypatch.setattr(module, "console", lambda: console)
    return console


def record(key="a", **changes):
    params = {"r_max": 37.5, "normalize": True, "shape": "sqrt", "lr": 1e-3, "beta": 4e-4, "latent_dim": 256}
    values = {
        "key": key, "number": 0, "stage": "search", "method": "mask_fixed", "configuration": key, "fold": 0, "seed": 0,
        "params": params, "epochs": 4,
    }  # fmt: skip
    return TrialRecord(**{**values, **changes})


def shown(screen):
    return screen.file.getvalue()


def drawn(view):
    console = Console(file=io.StringIO(), width=140)
    console.print(view._table())
    return console.file.getvalue()


def play(view):
    view.trial_started(record("a"))
    view.trial_started(record("b"))
    running = record("b", epoch=2, metrics={"train/loss": 0.1234, "rung/f1_macro": 0.5, "speed/patches_per_s": 140.0})
    view.trial_started(running)
    view.epoch(record("a", epoch=4))
    view.trial_ended(record("a", epoch=4, outcome="completed", metrics={"probe/f1_macro": 0.61}))
    view.trial_ended(record("c", epoch=1, outcome="pruned"))


def test_a_stage_leaves_two_lines_and_each_new_best_where_nobody_watches(screen):
    view = ProgressView("s", OBJECTIVES.get("f1"), 0.1)
    with view.stage("search", 3, 4):
        play(view)
    lines = [line for line in shown(screen).splitlines() if "done" in line]
    assert "1 done, 1 pruned in " in lines[-1]
    assert "0.610: mask_fixed r_max 37.5 px (3.8 µm), normalize true" in shown(screen)
    if not screen.is_terminal:
        assert shown(screen).startswith("trying configurations: 3 trainings of 4 epochs\n")
        assert shown(screen).count("best after 0 s: ") == 1, "the pruned trial is not a new best"
        assert len(shown(screen).splitlines()) <= 5


def test_the_live_table_counts_and_shows_what_runs():
    view = ProgressView("monday", OBJECTIVES.get("f1"), None)
    view._start("search", 6, 4)
    play(view)
    text = drawn(view)
    for part in ("monday", "2 of 6 trainings", "1 running", "1 pruned", "0 failed", "left in this stage", "0.610",
                 "2/4", "0.1234", "0.500", "140"):  # fmt: skip
        assert part in text
    assert "stopping" not in text
    view.stopping()
    assert "stopping; running trials can be resumed from their checkpoints" in drawn(view)


def test_time_left_counts_stopped_trials_as_done(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("bench.reporting.progress.time.monotonic", lambda: now[0])
    view = ProgressView("s", OBJECTIVES.get("f1"), None)
    view._start("search", 2, 10)
    assert view._seconds_left() is None
    now[0] = 8.0
    view.trial_started(record("a", epochs=10))
    view.epoch(record("a", epochs=10, epoch=4))
    assert view._seconds_left() == pytest.approx(8 * 16 / 4)
    view.trial_ended(record("a", epochs=10, epoch=4, outcome="pruned"))
    assert view._seconds_left() == pytest.approx(8 * 10 / 4)
