"""What a search writes to MLflow."""

import shutil
import socket

import pytest
from PIL import Image

from bench.record.folder import SearchFolder
from bench.record.jobs import Jobs, record_of
from bench.record.reproduction import ReproducedRow
from bench.record.request import Request
from bench.record.summary import Row
from bench.space.reader import load_space
from bench.tracking.address import store_uri, unreachable
from bench.tracking.client import connect
from bench.tracking.names import metric_name, metrics_of, run_name, search_params, trial_params
from bench.tracking.reports import log_page
from bench.tracking.tracker import Tracker
from cellbench.errors import NotFoundError, StoreError
from cellbench.training.configuration import TrainingSettings

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

EPOCH = {
    "train/loss": 0.5,
    "val/ssim": 0.3,
    "val/l1_core": 0.2,
    "rung/f1_macro": 0.0,
    "speed/patches_per_s": 10.0,
}
LAST = {**EPOCH, "probe/f1_macro": 0.7, "probe/f1/band (old)": 0.6, "cost/seconds": 3.0, "latent/leakage": 0.1}


@pytest.fixture(scope="module")
def new_store(tmp_path_factory):
    """An empty database that is set up once, because that takes seconds."""
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{path}")
        connect()
    return path


@pytest.fixture
def home(tmp_path, monkeypatch, new_store):
    shutil.copy(new_store, tmp_path / "mlflow.db")
    monkeypatch.setenv("CELLBENCH_HOME", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path


@pytest.fixture
def request_of(discs):
    def make(name="s1"):
        return Request(
            name=name, command="python -m bench.search --method mask_fixed", dataset="discs", dataset_path=discs.path,
            fingerprint=discs.card.fingerprint, native_size=40, um_per_px=0.5, profile="cpu",
            spaces=(load_space("mask_fixed").scaled(40),), sampler="tpe", scheduler="asha", objective="f1", n_trials=4,
            n_finalists=1, n_folds=1, n_seeds=1, reduction=2, n_rungs=1, seed=0, time_budget_s=None, oracle=False,
            settings=TrainingSettings(epochs=2, network_size=16), concurrent="auto", cpus_per_trial=1,
            gpus_per_trial="auto", address=None,
        )  # fmt: skip

    return make


@pytest.fixture
def search(home, discs, request_of):
    """A search folder with its request, and the tracker of the search."""
    request = request_of()
    folder = SearchFolder(home / "searches" / request.name)
    request.write(folder)
    return request, folder, Tracker(request, discs.card, "cpu")


def record(search, number=0, stage="search"):
    request, folder, _ = search
    jobs, space = Jobs(request, folder), request.spaces[0]
    configuration = space.configuration(space.grid_points()[number])
    return record_of(jobs.search(configuration) if stage == "search" else jobs.final([configuration])[0], number)


def train(search, trial, entries=(EPOCH, LAST), outcome="completed", reason=None):
    """Write a whole trial to the search folder and to MLflow."""
    _, folder, tracker = search
    folder.write(trial)
    tracker.trial_started(trial)
    for epoch, metrics in enumerate(entries, 1):
        trial.epoch = epoch
        tracker.epoch(trial, folder.trial(trial.key).append_history(epoch, metrics))
    trial.outcome, trial.reason, trial.ended = outcome, reason, trial.started + 1
    folder.write(trial)
    (folder.trial(trial.key).directory / "configuration.yaml").write_text("method: mask_fixed")
    tracker.trial_ended(trial, folder.trial(trial.key).directory)


def runs(name="s1"):
    client = connect()
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    found = client.search_runs(ids, f"tags.`cellbench.search` = '{name}'")
    return {run.data.tags.get("cellbench.trial", ""): run for run in found}


def history(run, name):
    return sorted((metric.step, metric.value) for metric in connect().get_metric_history(run.info.run_id, name))


def test_a_trial_leaves_what_the_table_of_names_says(search, discs):
    trial = record(search)
    train(search, trial)
    found = runs()
    run, parent = found[trial.key], found[""]
    assert run.info.status == "FINISHED"
    tags = run.data.tags
    assert tags["mlflow.parentRunId"] == parent.info.run_id
    assert tags["cellbench.search"] == "s1"
    assert tags["cellbench.configuration"] == trial.configuration
    assert tags["cellbench.method"] == "mask_fixed"
    assert tags["cellbench.dataset"] == "discs"
    assert tags["cellbench.fingerprint"] == discs.card.fingerprint
    assert tags["cellbench.outcome"] == "completed"
    assert tags["cellbench.git"]
    assert "r_max 7.812 px (3.9 µm)" in tags["mlflow.note.content"]
    expected = {
        "r_max": "7.812", "normalize": "true", "beta": "0.002", "lr": "0.001", "latent_dim": "256", "fold": "0",
        "seed": "0", "epochs": "2", "network_size": "16", "encoder": "resnet18", "device": "cpu",
        "precision": "float32", "views": "8", "schedule": "cosine", "grad_clip": "none", "augment": "flips,turns",
        "representation": "mean",
    }  # fmt: skip
    assert expected.items() <= run.data.params.items()
    (dataset,) = run.inputs.dataset_inputs
    assert dataset.dataset.name == "discs"
    assert [file.path for file in connect().list_artifacts(run.info.run_id)] == ["configuration.yaml"]
    assert connect().get_experiment(run.info.experiment_id).name == "discs"


def test_a_failed_search_that_is_resumed_does_not_keep_the_reason(search):
    _, _, tracker = search
    tracker.end_search("FAILED", {}, {"cellbench.reason": "The disk is full."})
    assert connect().get_run(tracker.run_id).data.tags["cellbench.reason"] == "The disk is full."
    tracker.end_search("FINISHED", {}, {})
    found = connect().get_run(tracker.run_id)
    assert found.info.status == "FINISHED"
    assert "cellbench.reason" not in found.data.tags


def test_the_size_and_pool_share_of_a_screened_trial_and_of_a_finalist_are_parameters(request_of, search):
    request = request_of().model_copy(update={"screen_size": 16, "screen_pool": 0.5})
    request = request.model_copy(update={"settings": request.settings.model_copy(update={"network_size": 32})})
    tried = trial_params(record(search), request, "cpu")
    finalist = trial_params(record(search, 1, "folds"), request, "cpu")
    assert (tried["network_size"], tried["pool_share"]) == (16, 0.5)
    assert (finalist["network_size"], finalist["pool_share"]) == (32, 1.0)
    asked = search_params(request, "cpu")
    assert (asked["network_size"], asked["screen_size"], asked["screen_pool"]) == (32, 16, 0.5)


def test_final_scores_are_metrics_of_their_own_logged_once(search):
    trial = record(search)
    train(search, trial)
    run = runs()[trial.key]
    assert history(run, "train/loss") == [(1, 0.5), (2, 0.5)]
    assert history(run, "probe/f1_macro") == [(2, 0.7)]
    assert history(run, "val/l1_core") == [(2, 0.2)], "it is reported each epoch, and shown at the end"
    assert history(run, "rung/f1_macro") == [(1, 0.0)], "epoch 1 is the rung"
    assert run.data.metrics["probe/f1/band _old_"] == 0.6
    assert "epoch" not in run.data.metrics


def test_a_pruned_trial_has_no_final_scores_and_says_why(search):
    trial = record(search)
    train(search, trial, [EPOCH], "pruned", "not among the best at epoch 1 of 2")
    run = runs()[trial.key]
    assert run.info.status == "FINISHED"
    assert run.data.tags["cellbench.outcome"] == "pruned"
    assert not any(name.startswith(("probe/", "cost/", "val/l1_core")) for name in run.data.metrics)
    assert "not among the best" in run.data.tags["mlflow.note.content"]


def test_a_failed_trial_is_failed_with_its_reason(search):
    trial = record(search)
    train(search, trial, [], "failed", "The loss is nan in epoch 1.")
    run = runs()[trial.key]
    assert run.info.status == "FAILED"
    assert run.data.tags["cellbench.reason"] == "The loss is nan in epoch 1."


def test_a_resumed_search_writes_to_the_same_runs(search, discs):
    request, folder, tracker = search
    trial = record(search)
    folder.write(trial)
    tracker.trial_started(trial)
    tracker.epoch(trial, folder.trial(trial.key).append_history(1, EPOCH))
    tracker.interrupted(trial)
    tracker.end_search("KILLED", {}, {})
    assert {run.info.status for run in runs().values()} == {"KILLED"}
    again = (request, folder, Tracker(request, discs.card, "cpu"))
    assert runs()[""].info.status == "RUNNING"
    again[2].trial_started(trial)
    again[2].epoch(trial, folder.trial(trial.key).append_history(2, LAST))
    trial.outcome = "completed"
    again[2].trial_ended(trial, folder.trial(trial.key).directory)
    again[2].end_search(
        "FINISHED", {"holdout/f1_macro": 0.6}, {"cellbench.outcome": "completed"}, [folder.request_path]
    )
    found = runs()
    assert len(found) == 2
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    assert found[""].data.metrics == {"holdout/f1_macro": 0.6}
    assert history(found[trial.key], "train/loss") == [(1, 0.5), (2, 0.5)]


def test_repair_completes_the_runs_of_a_killed_driver_and_is_idempotent(search, discs):
    request, folder, tracker = search
    lost, unseen = record(search), record(search, 1)
    folder.write(lost)
    tracker.trial_started(lost)  # the driver dies here; MLflow says RUNNING
    for trial in (lost, unseen):
        folder.write(trial)
        for epoch, metrics in enumerate((EPOCH, LAST), 1):
            folder.trial(trial.key).append_history(epoch, metrics)
        trial.outcome, trial.epoch, trial.ended = "completed", 2, trial.started + 1
        folder.write(trial)
    again = Tracker(request, discs.card, "cpu")
    for _ in range(2):
        again.repair(folder)
        found = runs()
        assert len(found) == 3
        for trial in (lost, unseen):
            assert found[trial.key].info.status == "FINISHED"
            assert history(found[trial.key], "train/loss") == [(1, 0.5), (2, 0.5)]
            assert found[trial.key].data.metrics["probe/f1_macro"] == 0.7


def test_a_search_continues_without_its_store_and_the_runs_are_completed_later(search, monkeypatch):
    _, folder, tracker = search
    trial, other = record(search), record(search, 1)
    create = tracker._client.create_run
    monkeypatch.setattr(tracker._client, "create_run", lambda *_, **__: (_ for _ in ()).throw(OSError("gone")))
    train(search, trial)
    assert tracker.is_behind
    with pytest.raises(StoreError, match=r"gone.*Nothing is lost: --resume s1"):
        tracker.repair(folder)
    monkeypatch.setattr(tracker._client, "create_run", create)
    tracker.repair(folder)
    assert not tracker.is_behind
    train(search, other)
    assert {run.info.status for key, run in runs().items() if key} == {"FINISHED"}


def test_runs_of_a_search_that_was_killed_are_closed_by_the_next_search(search, discs, request_of):
    _, folder, tracker = search
    tracker.trial_started(record(search))
    with folder.lock():
        _written(request_of("s2"))
        Tracker(request_of("s2"), discs.card, "cpu")
        assert {run.info.status for run in runs().values()} == {"RUNNING"}, "a process works on it"
    _written(request_of("s3"))
    Tracker(request_of("s3"), discs.card, "cpu")
    assert {run.info.status for run in runs().values()} == {"KILLED"}


def _written(request):
    from bench.home.paths import searches_dir

    request.write(SearchFolder(searches_dir() / request.name))


@pytest.mark.parametrize(
    "uri", ["http://127.0.0.1:9", "sqlite:////proc/nowhere/mlflow.db", "postgresql://me:secret@127.0.0.1:9/x"]
)
def test_a_store_that_cannot_be_reached_is_one_sentence(uri, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(StoreError, match=r"^The MLflow store .* cannot be used \(.*\); (start|check)") as caught:
        connect()
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("uri", ["foo", "./mlruns", "file:///tmp/mlruns"])
def test_a_folder_is_not_accepted_as_a_store(uri, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(
        StoreError,
        match=r"^MLFLOW_TRACKING_URI \(.*\) is a folder, but the store must be a server or a database; .* unset it\.$",
    ):
        connect()


def test_the_default_store_is_in_the_home(home, monkeypatch):
    assert store_uri() == f"sqlite:///{home}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://server:5000")
    assert store_uri() == "http://server:5000"


def test_class_names_become_names_that_mlflow_takes():
    assert metric_name("probe/f1/T-cell (CD4+), ×2") == "probe/f1/T-cell _CD4___ _2"


@pytest.mark.parametrize("name", ["probe/f1_marco", "valid/ssim", "epoch"])
def test_a_metric_that_the_table_lacks_raises(search, name):
    with pytest.raises(NotFoundError, match=f"There is no metric '{name}'"):
        metrics_of(record(search), [{"epoch": 1, "time": 0.0, "metrics": {name: 0.5}}], (1,))
    with pytest.raises(NotFoundError):
        metric_name(name)


def test_a_stage_without_rungs_shows_none(search):
    final = record(search, stage="final")
    names = {name for name, *_ in metrics_of(final, [{"epoch": 1, "time": 0.0, "metrics": EPOCH}], (1,))}
    assert "rung/f1_macro" not in names
    assert unreachable("http://a:b@c/", OSError("")).args[0].startswith("The MLflow store http://…@c/")


def test_what_was_not_written_before_a_stop_is_written_when_the_trial_resumes(search, discs, monkeypatch):
    request, folder, tracker = search
    trial = record(search)
    folder.write(trial)
    tracker.trial_started(trial)
    monkeypatch.setattr(tracker._client, "log_batch", lambda *_, **__: (_ for _ in ()).throw(OSError("gone")))
    tracker.epoch(trial, folder.trial(trial.key).append_history(1, EPOCH))
    again = Tracker(request, discs.card, "cpu")
    again.trial_started(trial, folder.trial(trial.key).history())
    again.epoch(trial, folder.trial(trial.key).append_history(2, LAST))
    assert history(runs()[trial.key], "train/loss") == [(1, 0.5), (2, 0.5)]


def test_a_run_that_a_server_created_before_it_failed_is_used_and_filled(search, monkeypatch):
    _, folder, tracker = search
    trial = record(search)
    with monkeypatch.context() as patch:
        patch.setattr(tracker._client, "log_batch", lambda *_, **__: (_ for _ in ()).throw(OSError("gone")))
        train(search, trial)
    twin = tracker._create(trial)  # the client asked twice, because the first reply was lost
    tracker.repair(folder)
    found = connect().search_runs([tracker.experiment_id], f"tags.`cellbench.trial` = '{trial.key}'")
    status = {run.info.run_id: run.info.status for run in found}
    used = tracker._runs[trial.key]
    assert len(status) == 2
    assert used != twin
    assert status == {used: "FINISHED", twin: "KILLED"}
    assert runs()[""].info.status == "RUNNING"
    (run,) = [run for run in found if run.info.run_id == used]
    assert run.data.params["epochs"] == "2"
    assert len(run.inputs.dataset_inputs) == 1
    assert history(run, "train/loss") == [(1, 0.5), (2, 0.5)]


def test_a_password_in_an_address_is_refused_and_not_shown(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:secret@127.0.0.1:{port}")
        with pytest.raises(StoreError, match="set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD") as caught:
            connect()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("secret", ["secret", "se/cret", "se@cret"])
def test_no_form_of_a_password_is_shown(secret):
    address = f"https://me:{secret}@server:5000/x"
    text = str(unreachable(address, OSError(f"Max retries exceeded for {address}, it is away.")))
    assert secret not in text
    assert "https://…@server:5000/x" in text


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://127.0.0.1:9/runs?user=me&password=hunter2",
        "postgresql+psycopg2:///runs?host=127.0.0.1&password=hunter2",
        "http://127.0.0.1:9?password=hunter2",
        "http://anna:hunter/2@127.0.0.1:9",
        "databricks://tok:hunter2@host",
        "http://127.0.0.1:99999",
        "postgresql://me:hun ter2@127.0.0.1:9/runs",
        "http://127.0.0.1:9?PASSWD=hunter2",
        "postgresql:me:hunter2@host/x",
        "postgresql:/me:hunter2@host/x",
        "me:hunter2@host/x",
        "me:x://hunter2@host/x",
        "://me:hunter2@host",
        "sqlite:me:hun ter2@host",
        "postgresql:host/x?password=hunter2",
        "host;user=me;password=hunter2",
        "http://[::1",
    ],
)
def test_no_error_shows_the_password_in_an_address(address, monkeypatch):
    from bench.tracking.client import connect

    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    with pytest.raises(StoreError) as caught:
        connect()
    assert not any(part in str(caught.value) for part in ("hunter", "ter2"))
    assert "\n" not in str(caught.value)


def test_a_home_whose_path_no_database_accepts_is_refused(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("CELLBENCH_HOME", str(tmp_path / "a?b"))
    with pytest.raises(StoreError, match="has a '\\?' in its path"):
        store_uri()


ROWS = [
    Row(kind="method", name="mask_fixed", f1_macro=0.7, f1_std=None),
    Row(kind="floor", name="pca", f1_macro=0.55, f1_std=0.02, few_labels={5: 0.3}, holdout=0.5),
    ReproducedRow(kind="floor", name="random", f1_macro=0.4, f1_std=0.01),
    Row(kind="ceiling", name="supervised", f1_macro=0.9, f1_std=None),
    Row(kind="ceiling", name="oracle", f1_macro=0.8, f1_std=None),
]


def test_floors_and_ceilings_are_runs_beside_the_trials(search):
    _, _, tracker = search
    train(search, record(search))
    tracker.end_search("FINISHED", {}, {}, (), ROWS)
    found = runs()
    assert sorted(found)[0] == ""
    assert sorted(found)[2:] == ["ceiling supervised", "floor pca", "floor random"], "oracle is a trial of its own"
    floor = found["floor pca"]
    assert floor.info.run_name == "floor pca"
    assert floor.info.status == "FINISHED"
    assert floor.data.metrics == {"probe/f1_macro": 0.55, "probe/f1_macro_5": 0.3, "holdout/f1_macro": 0.5}
    assert floor.data.tags["mlflow.parentRunId"] == tracker.run_id
    assert floor.data.tags["cellbench.kind"] == "floor"
    assert "Macro F1 0.550 ± 0.020." in floor.data.tags["mlflow.note.content"]
    assert floor.data.params["probe"] == "paper", "that of the request"


def test_floors_are_written_after_an_outage_and_once(search, discs, monkeypatch):
    request, folder, tracker = search
    write, calls = tracker._client.set_terminated, []

    def fails_first(*values, **named):
        calls.append(values)
        if len(calls) == 2:
            raise OSError("gone")
        write(*values, **named)

    monkeypatch.setattr(tracker._client, "set_terminated", fails_first)
    with pytest.raises(StoreError, match="gone"):
        tracker.end_search("FINISHED", {}, {}, (), ROWS)
    tracker.repair(folder)
    tracker.end_search("FINISHED", {}, {}, (), ROWS)
    again = Tracker(request, discs.card, "cpu")  # MLflow has the result, but the driver died before it noted that
    again.repair(folder)
    again.end_search("FINISHED", {}, {}, (), ROWS)
    client = connect()
    everything = client.search_runs([tracker.experiment_id], "tags.`cellbench.search` = 's1'")
    assert len(everything) == 1 + 3
    assert {run.info.status for run in everything} == {"FINISHED"}
    assert history(runs()["floor random"], "probe/f1_macro") == [(0, 0.4)]


def test_names_of_runs_are_for_people(search, request_of):
    request, folder, _ = search
    space = request.spaces[0]
    jobs = Jobs(request, folder)
    wide = space.configuration(space.complete({"r_max": 8.123456, "normalize": False}))
    assert run_name(record_of(jobs.on_fold([wide], 1)[0], 0), request) == "mask_fixed r_max 8.12 px · fold 1 · seed 0"
    large = space.configuration(space.complete({"r_max": 81.6, "normalize": False}))
    assert run_name(record_of(jobs.on_fold([large], 1)[0], 0), request) == "mask_fixed r_max 82 px · fold 1 · seed 0"
    plain = record_of(jobs.oracle(wide)[0], 0)
    assert run_name(plain, request) == f"ceiling oracle · whole pool · seed {plain.seed}"
    even = record_of(jobs.search(space.configuration(space.complete({"normalize": True}))), 0)
    assert run_name(even, request) == "mask_fixed r_max 7.81 px normalized · fold 0 · seed 0"
    vae = load_space("vae").scaled(40)
    given = request.model_copy(update={"spaces": (vae,)})
    of_vae = record_of(Jobs(given, folder).search(vae.configuration(vae.complete({}))), 0)
    assert run_name(of_vae, given) == "vae beta 0.002 · fold 0 · seed 0", (
        "without own hyperparameters, those of the grid"
    )


def test_a_run_that_people_named_is_still_that_of_its_search(search, discs, tmp_path):
    request, _, tracker = search
    client = connect()
    client.update_run(tracker.run_id, name="our best search")
    assert Tracker(request, discs.card, "cpu").run_id == tracker.run_id
    page = tmp_path / "report.html"
    page.write_text("a page")
    log_page("s1", "discs", page)
    assert [file.path for file in client.list_artifacts(tracker.run_id, "report")] == ["report/report.html"]


def test_a_store_of_an_older_version_is_continued(search, discs):
    request, folder, tracker = search
    trial = record(search)
    train(search, trial)
    client = connect()
    for run in runs().values():  # older versions had no kinds, and hashes as names
        client.delete_tag(run.info.run_id, "cellbench.kind")
    client.update_run(runs()[trial.key].info.run_id, name=f"mask_fixed {trial.key}")
    client.create_run(tracker.experiment_id, tags={"mlflow.runName": "classifier of s1", "cellbench.search": "s1"})
    again = Tracker(request, discs.card, "cpu")
    assert again.run_id == tracker.run_id
    again.repair(folder)
    again.end_search("FINISHED", {}, {}, (), ROWS)
    assert len(client.search_runs([tracker.experiment_id], "tags.`cellbench.search` = 's1'")) == 1 + 1 + 1 + 3


def test_reconstructions_are_an_image_that_mlflow_compares_once(search):
    _, folder, tracker = search
    trial = record(search)
    folder.trial(trial.key).directory.mkdir(parents=True)
    Image.new("RGB", (30, 20)).save(folder.trial(trial.key).directory / "reconstructions.png")
    train(search, trial)
    tracker._behind.add(trial.key)
    tracker.repair(folder)
    run = runs()[trial.key]
    assert run.data.tags["mlflow.loggedImages"] == "True"
    stored = sorted(file.path for file in connect().list_artifacts(run.info.run_id, "images"))
    assert [path.split("+")[:3] for path in stored] == [["images/reconstructions", "step", "0"]] * 2
    assert {path.rpartition(".")[2] for path in stored} == {"png", "webp"}
