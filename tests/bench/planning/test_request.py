"""From typed options to a request: defaults, and every mistake in one sentence."""

from dataclasses import replace

import numpy as np
import pytest
from programs import plan_search

from bench.home.datasets import open_dataset
from bench.home.resources import Machine
from bench.planning.request import check_patch_set
from bench.record.folder import SearchFolder
from bench.record.profiles import PROFILES, n_epochs, network_size, profile, rungs
from bench.record.request import Request
from bench.space.reader import space_names
from bench.space.space import PAPER_METHODS
from bench.terminal.parsing import seconds
from cellbench.errors import CellbenchError, DataError, NotFoundError, SettingError
from cellbench.patches.write import write_patch_set
from cellbench.radius import estimate_radius, recommended_r_max


@pytest.fixture
def home(tmp_path, monkeypatch, discs):
    """A CELLBENCH_HOME with the data set `discs`."""
    monkeypatch.setenv("CELLBENCH_HOME", str(tmp_path))
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "discs").symlink_to(discs.path)
    return tmp_path


def plan(*methods, **typed):
    return plan_search(**{"method": list(methods or ["mask_fixed"]), "dataset": "discs", **typed})


def test_defaults_come_from_the_profile(home, discs):
    request, folder = plan(profile="cpu")
    cpu = PROFILES["cpu"]
    assert (request.n_trials, request.n_folds, request.n_seeds) == (cpu.n_trials, cpu.n_folds, cpu.n_seeds)
    assert request.settings.network_size == 32
    assert request.settings.epochs == n_epochs(cpu, check_patch_set(discs))
    assert (request.sampler, request.scheduler) == ("tpe", "asha")
    assert request.oracle, "discs has contours"
    assert request.name.startswith("discs-mask_fixed-")
    assert folder.directory == home / "searches" / request.name
    assert not folder.directory.exists(), "nothing is written yet"


def test_a_typed_option_overrides_the_profile(home):
    request, _ = plan(
        "vae", "noise,mask_fixed", trials="3", epochs="5", folds="1", seeds="2", size="24", seed="7", name="mine",
        set=["r_max=8..16"], sampler="grid", scheduler="none", objective="l1_core", time_budget="30m",
        oracle=False, concurrent="1", cpus_per_trial="1", kl_warmup="0.1",
    )  # fmt: skip
    assert request.methods == ["vae", "noise", "mask_fixed"]
    assert (request.n_trials, request.settings.epochs, request.n_folds, request.n_seeds) == (3, 5, 1, 2)
    assert (request.settings.network_size, request.settings.kl_warmup, request.settings.threads) == (24, 0.1, 1)
    assert request.spaces[2].parameters["r_max"].low == 8.0, "native px, not scaled"
    assert (request.time_budget_s, request.rungs, request.oracle) == (1800.0, (), False)
    assert request.final_seeds() == [8000, 8001]


@pytest.mark.parametrize("concurrent", ["1", "2", "auto"])
def test_the_number_of_threads_does_not_depend_on_what_runs_beside_a_trial(home, concurrent, monkeypatch):
    monkeypatch.setattr("bench.pipeline.run.this_machine", lambda: Machine(cpus=16, gpus=0))
    request, _ = plan(concurrent=concurrent)
    assert (request.cpus_per_trial, request.settings.threads) == (1, 1)
    assert plan(concurrent="1", cpus_per_trial="3")[0].settings.threads == 3


def test_a_request_of_before_keeps_its_number_of_threads(home):
    request, _ = plan(cpus_per_trial="1")
    older = request.model_copy(
        update={"cpus_per_trial": "auto", "settings": request.settings.model_copy(update={"threads": 2})}
    )
    assert older.cpus_of_trial == 2
    assert request.model_copy(update={"cpus_per_trial": 4}).cpus_of_trial == 4


def test_a_grid_search_tries_all_points(home):
    request, _ = plan("mask_fixed", "vae", sampler="grid")
    assert (request.n_trials, request.scheduler) == (3, "none")
    assert [request.n_tried(space) for space in request.spaces] == [3, 1]
    with pytest.raises(SettingError, match="--set leaves no point of the grid of mask_fixed"):
        plan(sampler="grid", set=["r_max=25..28"])


def test_all_is_the_methods_of_the_paper(home):
    request, _ = plan("all", trials=1, epochs=1)
    assert request.methods == list(PAPER_METHODS)
    assert set(space_names()) > set(PAPER_METHODS)


def test_a_request_is_read_as_it_was_written(home):
    request, folder = plan(epochs=3, time_budget="90s")
    request.write(folder)
    assert Request.read(folder) == request
    assert SearchFolder.open(request.name).directory == folder.directory


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": ["mask_fixt"]}, "no method 'mask_fixt'; did you mean 'mask_fixed'"),
        ({"method": ["all", "vae"]}, "--method all already includes the methods of the paper"),
        ({"method": ["vae", "vae"]}, "--method names vae twice"),
        ({"dataset": "disks"}, "no data set 'disks'.*did you mean 'discs'"),
        ({"dataset": "../etc"}, "cannot be the name of a data set"),
        ({"set": ["r_maks=3"]}, "did you mean 'r_max'"),
        ({"set": ["r_max=500"]}, "r_max=500 px is outside a patch of 40 px"),
        ({"set": ["r_max=-1"]}, r"r_max must be 0\.01 to 28\.3 px; got -1"),
        ({"time_budget": "soon"}, "--time-budget must be a duration such as .*; got 'soon'"),
        ({"profile": "tpu"}, "no profile 'tpu'; .*[Kk]nown: auto, quick, cpu, gpu, paper"),
        ({"size": "8"}, "--size must be auto or 16 to 40 px, the side of the patches; got 8"),
        ({"size": "large"}, "--size must be auto or a whole number; got 'large'"),
        ({"concurrent": "²"}, "--concurrent must be auto or a whole number; got '²'"),
        ({"objective": "label_free"}, "needs 40 patches that a training does not see, but a fold of discs has 1"),
        ({"concurrent": "many"}, "--concurrent must be auto or a whole number; got 'many'"),
        ({"gpus_per_trial": "half"}, "--gpus-per-trial must be auto or a number such as 0.25; got 'half'"),
        ({"folds": "6"}, "--folds must be less than or equal to 5; got '6'"),
        ({"trials": "two"}, "--trials must be a valid integer, .*; got 'two'"),
        ({"views": "3"}, "--views must be 1, 2, 4 or 8; got 3"),
        ({"sampler": "cma"}, "--sampler must be .*; got 'cma'"),
        ({"name": "a/b"}, "--name must be letters, .*; got 'a/b'"),
        ({"kl_warmup": "2"}, "--kl-warmup must be less than or equal to 1; got 2.0"),
        ({"schedule": "linear"}, "--schedule must be 'cosine' or 'constant'; got 'linear'"),
        ({"encoder": "resnet81"}, "no encoder 'resnet81'"),
        ({"encoder_weights": "nowhere.safetensors"}, r"nowhere\.safetensors"),
        ({"address": "127.0.0.1:9"}, "No Ray cluster answers at 127.0.0.1:9"),
    ],
)
def test_a_mistake_is_one_sentence_and_nothing_is_written(home, changes, message):
    with pytest.raises(CellbenchError, match=message) as caught:
        plan(**changes)
    assert "\n" not in str(caught.value)
    assert not (home / "searches").exists()


def test_a_gpu_that_does_not_exist_is_refused(home, monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    with pytest.raises(SettingError, match=r"--gpus-per-trial 0\.25 cannot be met: there are \d+ CPUs and no GPUs"):
        plan(gpus_per_trial="0.25")


def test_the_name_of_an_existing_search_is_refused(home):
    request, folder = plan(name="mine")
    request.write(folder)
    with pytest.raises(SettingError, match="search mine already exists; continue it with --resume mine"):
        plan(name="mine")


def test_the_name_of_a_search_that_was_killed_before_it_wrote_anything_is_free(home):
    folder = home / "searches" / "mine"
    folder.mkdir(parents=True)
    (folder / ".lock").touch()
    assert plan(name="mine")[0].name == "mine"


def test_the_message_for_an_unknown_search_names_the_nearest(home):
    request, folder = plan(name="monday")
    request.write(folder)
    with pytest.raises(NotFoundError, match=r"no search 'mondai'.*did you mean 'monday'"):
        SearchFolder.open("mondai")


def write(home, discs, name, index, **more):
    return write_patch_set(
        home / "datasets" / name, patches=np.asarray(discs.patches), index=index, name=name, seed=0, **more
    )


def test_ssim_needs_a_radius(home, discs):
    write(home, discs, "blind", discs.index[["label", "group"]])
    with pytest.raises(SettingError, match="blind has no cell radius; choose --objective f1 or l1_core"):
        plan(dataset="blind", objective="ssim")
    request, _ = plan(dataset="blind")
    assert (request.settings.network_size, request.oracle) == (32, False)


def test_too_few_groups_are_found_before_anything_runs(home, discs):
    group = [number % 5 for number in range(len(discs))]
    in_pool = [number < 4 for number in group]
    index = discs.index[["label"]].assign(
        group=[f"slide{number}" for number in group],
        in_pool=in_pool,
        in_labelled=in_pool,
        in_holdout=[not member for member in in_pool],
    )
    write(home, discs, "few", index)
    with pytest.raises(DataError, match=r"\d groups, fewer than the 5 folds"):
        plan(dataset="few")


@pytest.mark.parametrize(
    ("radius", "native", "expected"),
    [(70, 360, 48), (64, 256, 32), (128, 256, 32), (10, 256, 64), (None, 256, 32), (None, 40, 32), (6, 40, 32)],
)
def test_the_network_size_keeps_the_cell_large_enough(radius, native, expected):
    chosen = replace(PROFILES["cpu"], cell_radius=8, min_size=32, max_size=64)
    assert network_size(chosen, native, radius) == expected


def test_epochs_follow_from_the_pool():
    chosen = replace(PROFILES["cpu"], passes=25_000)
    assert n_epochs(chosen, 4083) == 7
    assert n_epochs(chosen, 10**6) == 1


def test_auto_is_gpu_where_there_is_one_and_else_quick():
    assert (profile("auto", True).name, profile("auto", False).name) == ("gpu", "quick")


def test_a_quick_search_begins_at_the_estimated_radius_and_stays_near_it(home, discs, monkeypatch):
    monkeypatch.setattr("bench.pipeline.run.this_machine", lambda: Machine(cpus=2, gpus=0))
    request, _ = plan()
    radius = recommended_r_max(estimate_radius(discs).radius_px, "sqrt", 40).best
    domain, first = request.spaces[0].parameters["r_max"], request.spaces[0].first_points()[0]
    assert (request.profile, request.warm_start) == ("quick", {"mask_fixed": ["the radius estimate"]})
    assert (domain.low, domain.high) == pytest.approx((0.7 * radius, 1.4 * radius), rel=1e-3)
    assert first["r_max"] == pytest.approx(radius, rel=1e-3)
    assert (first["normalize"], request.oracle, request.rungs) == (True, False, ())
    assert plan(oracle=True)[0].oracle, "it was asked for"
    assert plan(profile="cpu")[0].spaces[0].parameters["r_max"].high > domain.high
    assert plan(profile="cpu")[0].warm_start == {}


def test_a_quick_search_keeps_a_typed_range_and_methods_without_a_mask(home):
    request, _ = plan("vae", "noise,mask_fixed", profile="quick", set=["r_max=5..16"])
    assert (request.spaces[2].parameters["r_max"].low, request.spaces[2].parameters["r_max"].high) == (5, 16)
    assert request.warm_start == {}
    grid, _ = plan("vae", "mask_fixed", profile="quick", sampler="grid")
    assert grid.n_trials == 3, "the points of the grid are those of the search space"


def test_a_quick_search_prints_the_estimate_of_a_method_whose_radius_is_not_searched(home, discs, capsys):
    request, _ = plan("hide", profile="quick")
    assert f"Estimated radius of the cells: {estimate_radius(discs).radius_px:.3g}"[:34] in capsys.readouterr().out
    assert (request.warm_start, request.spaces[0].parameters["r_hide"].value > 0) == ({}, True)
    plan("vae", profile="quick")
    assert "Estimated radius" not in capsys.readouterr().out, "no length of it is estimated"


def test_a_quick_search_without_an_estimate_searches_the_whole_range(home, monkeypatch, capsys):
    lost = replace(estimate_radius(open_dataset("discs")), radius_px=float("nan"), doubts=("No cell.",))
    monkeypatch.setattr("cellbench.radius.estimate_radius", lambda patch_set: lost)
    request, _ = plan(profile="quick")
    assert request.spaces[0] == plan(profile="cpu")[0].spaces[0]
    assert "No radius can be estimated (no cell), so the whole range is searched." in " ".join(
        capsys.readouterr().err.split()
    )


@pytest.mark.parametrize(
    ("epochs", "reduction", "n_rungs", "expected"),
    [(27, 3, 2, (3, 9)), (7, 3, 1, (3,)), (3, 3, 1, (1,)), (2, 3, 1, (1,)), (1, 3, 1, ()), (9, 3, 0, ())],
)
def test_rungs_lie_before_the_last_epoch(epochs, reduction, n_rungs, expected):
    assert rungs(epochs, reduction, n_rungs) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("90s", 90), ("30m", 1800), ("1h30m", 5400), ("45", 45), ("1.5h", 5400)]
)
def test_durations(text, expected):
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "0", "soon", "-5m", "1d", "m", "9" * 400, "99999h"])
def test_texts_that_are_not_durations(text):
    with pytest.raises(ValueError, match="must be a duration"):
        seconds(text)
