"""The saved view of a search in MLflow, and the address that bench.ui prints."""

import json

import pytest

from bench.record.folder import SearchFolder
from bench.space.space import PAPER_METHODS
from bench.tracking.client import connect
from bench.tracking.tracker import Tracker
from bench.tracking.views import page_of, save_view, view_key, view_state
from bench.ui import _page
from cellbench.errors import NotFoundError, SettingError

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture
def tracker(folder, make_request, discs):
    """The tracker of the search `test`, whose run is in the store."""
    request = make_request()
    request.write(folder)
    return Tracker(request, discs.card, "cpu")


def views(tracker):
    tags = connect().get_experiment(tracker.experiment_id).tags
    return {name: json.loads(value) for name, value in tags.items() if name.startswith("mlflow.sharedViewState.")}


def test_the_view_has_the_trials_best_first_with_the_columns_that_people_compare(make_request):
    found = view_state("test", make_request("mask_fixed", "vae"))
    assert found["searchFilter"] == "tags.`cellbench.search` = 'test' and tags.`cellbench.trial` != ''"
    assert (found["orderByKey"], found["orderByAsc"]) == ("metrics.`probe/f1_macro`", False)
    assert set(found["selectedColumns"]) == {
        "metrics.`probe/f1_macro`", "metrics.`val/ssim_cell`", "metrics.`val/l1_core`", "metrics.`latent/leakage`",
        "params.`r_max`",
    }  # fmt: skip
    assert view_state("test", make_request("vae"))["selectedColumns"][-1] == "params.`beta`"


def test_the_view_is_ordered_by_the_objective(make_request):
    found = view_state("test", make_request("mask_fixed", objective="l1_core"))
    assert (found["orderByKey"], found["orderByAsc"]) == ("metrics.`val/l1_core`", True)
    assert found["selectedColumns"][0] == "metrics.`val/l1_core`"


def test_a_search_saves_its_view_once_and_people_may_edit_it(tracker, make_request):
    (tag,) = views(tracker)
    assert tag == f"mlflow.sharedViewState.{view_key('test')}"
    view = views(tracker)[tag]
    assert view["name"] == "test: best first"
    assert json.loads(view["state"]) == view_state("test", make_request())
    assert len(json.dumps(view)) < 5000, "MLflow refuses longer tags"
    connect().set_experiment_tag(tracker.experiment_id, tag, json.dumps({**view, "name": "mine"}))
    save_view(connect(), tracker.experiment_id, "test", make_request())
    assert views(tracker)[tag]["name"] == "mine"


def test_the_view_of_all_methods_fits_into_a_tag(make_request):
    state = view_state("s" * 100, make_request(*PAPER_METHODS))
    assert len(json.dumps({"name": "s" * 120, "state": json.dumps(state)})) < 4500


def test_the_interface_opens_at_the_last_search_or_at_the_named_one(tracker, home, capsys):
    expected = (
        f"#/experiments/{tracker.experiment_id}/runs?workflowType=machine_learning&viewStateShareKey={view_key('test')}"
    )
    assert _page(connect, None) == _page(connect, "test") == expected
    client = connect()
    client.delete_experiment_tag(tracker.experiment_id, f"mlflow.sharedViewState.{view_key('test')}")
    assert _page(connect, "test") == expected, "a search of an older version gets its view now"
    assert len(views(tracker)) == 1


def test_a_search_that_is_not_on_this_machine_is_found_in_the_store(tracker, folder):
    folder.request_path.unlink()
    client = connect()
    client.delete_experiment_tag(tracker.experiment_id, f"mlflow.sharedViewState.{view_key('test')}")
    assert page_of(client, "test", None) == _page(connect, "test")
    (view,) = views(tracker).values()
    assert json.loads(view["state"])["orderByKey"] == "metrics.`probe/f1_macro`"


@pytest.mark.parametrize("name", ["nothing", "it's", "", "a/b"])
def test_an_unknown_search_is_an_error_and_without_any_search_all_experiments_are_shown(home, name):
    assert _page(connect, None) == "#/experiments?workflowType=machine_learning"
    with pytest.raises(NotFoundError, match="There is no search"):
        _page(connect, name)


def test_a_search_that_mlflow_lacks_is_named(folder, make_request, capsys):
    make_request().write(folder)
    with pytest.raises(SettingError, match=r"MLflow has no runs of test yet; python -m bench\.status test"):
        _page(connect, "test")
    assert _page(connect, None) == "#/experiments?workflowType=machine_learning"
    assert "The address shows all experiments." in capsys.readouterr().err
    assert SearchFolder.open("test").name == "test"
