"""The folder of a search."""

import json

import pytest

from bench.record.folder import SearchFolder, search_names, starting_names
from bench.record.trial import TrialRecord
from cellbench.errors import DataError, SettingError, StoreError


def record(key="a", number=0, stage="search", **changes):
    values = {
        "key": key, "number": number, "stage": stage, "method": "vae", "configuration": key, "fold": 0, "seed": 0,
        "params": {"lr": 1e-3, "beta": 1e-3, "latent_dim": 256}, "epochs": 3,
    }  # fmt: skip
    return TrialRecord(**{**values, **changes})


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("CELLBENCH_HOME", str(tmp_path))
    return SearchFolder(tmp_path / "searches" / "s")


def test_records_come_back_as_they_were_in_the_order_of_stages(folder):
    written = [record("c", 0, "final"), record("b", 1), record("a", 0), record("d", 0, "folds")]
    for each in written:
        folder.write(each)
    assert [each.key for each in folder.records()] == ["a", "b", "d", "c"]
    assert folder.records("final") == [written[0]]
    assert folder.records()[0].params["latent_dim"] == 256


def test_read_access_is_enough_to_see_that_a_search_is_locked(folder):
    assert not folder.is_locked
    with folder.lock():
        lock = folder.directory / ".lock"
        lock.chmod(0o444)
        assert folder.is_locked
    assert not folder.is_locked


def test_a_request_to_stop_an_earlier_process_does_not_stop_a_later_one(folder):
    folder.directory.mkdir(parents=True)
    folder.request_stop()
    with folder.lock():
        assert not folder.stop_path.exists()
        folder.request_stop()
        with pytest.raises(SettingError), SearchFolder(folder.directory).lock():
            pass
        assert folder.stop_path.exists(), "a process that is refused does not remove the request to the holder"


def test_a_damaged_record_is_named(folder):
    folder.write(record())
    (folder.trial("a").directory / "trial.json").write_text("{")
    with pytest.raises(DataError, match=r"trial\.json is damaged; remove its folder, and --resume s"):
        folder.records()


def test_one_process_at_a_time(folder):
    assert not SearchFolder(folder.directory).is_locked
    with folder.lock():
        assert SearchFolder(folder.directory).is_locked
        with pytest.raises(SettingError, match="Another process works on the search s: process"), folder.lock():
            pass
    assert not folder.is_locked
    with folder.lock():
        pass


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "searches").write_text("a file where a folder should be")
    with pytest.raises(StoreError, match="cannot be written"):
        SearchFolder(tmp_path / "searches" / "s").write(record())


def test_searches_are_listed_the_newest_first(folder, tmp_path):
    import os

    assert search_names() == []
    for number, name in enumerate(("old", "new")):
        path = tmp_path / "searches" / name / "request.yaml"
        path.parent.mkdir(parents=True)
        path.write_text("")
        os.utime(path, (number, number))
    assert search_names() == ["new", "old"]


def test_a_starting_search_is_listed_before_its_request_is_written(folder):
    with folder.lock():
        assert starting_names() == [folder.name]
        assert search_names() == []
        folder.request_path.touch()
        assert starting_names() == []
    folder.request_path.unlink()
    assert starting_names() == []  # it was killed while it started


def test_the_message_for_a_damaged_record_of_an_ended_search_names_the_summary_too(folder):
    folder.write(record())
    (folder.trial("a").directory / "trial.json").write_text("{")
    folder.summary_path.touch()
    with pytest.raises(DataError, match=r"remove its folder and summary.json, and --resume"):
        folder.records()


def finished(folder, key="a", metrics=None, **changes):
    """Write a record, and the result that a worker leaves."""
    written = record(key, outcome="completed", metrics={"train/loss": 0.5, "probe/f1_macro": 0.7}, ended=1.0, **changes)
    folder.write(written)
    result = folder.trial(key).directory / "result.json"
    result.write_text(json.dumps({"job": {}, "metrics": written.metrics if metrics is None else metrics}))
    return written, result


def test_a_completed_trial_with_its_result_stays_as_it_is_when_a_search_is_resumed(folder):
    written, _ = finished(folder, reason="no further fold")
    folder.reopen_trials()
    assert folder.records() == [written]


@pytest.mark.parametrize(
    "damaged", [None, b"", b"{", b"\xff\xfe", b'{"metrics": 1}', b'{"metrics": {"a": "b"}}', b"[]"]
)
def test_a_completed_trial_without_a_result_is_open_again(folder, damaged):
    written, result = finished(folder)
    result.unlink()
    if damaged is not None:
        result.write_bytes(damaged)
    folder.reopen_trials()
    assert folder.records() == [written.model_copy(update={"outcome": "running", "ended": None})]


def test_the_result_decides_the_metrics_of_a_completed_trial(folder):
    written, _ = finished(folder, metrics={"probe/f1_macro": 0.6, "epoch": 3.0})
    folder.reopen_trials()
    (found,) = folder.records()
    assert found.metrics == {"train/loss": 0.5, "probe/f1_macro": 0.6}
    assert found.outcome == written.outcome


@pytest.mark.parametrize("outcome", ["pruned", "failed"])
def test_a_trial_that_the_driver_pruned_or_failed_stays_so_without_a_result(folder, outcome):
    written = record(outcome=outcome, reason="not among the best")
    folder.write(written)
    folder.reopen_trials()
    assert folder.records() == [written]


def test_an_earlier_hang_is_forgotten_when_a_search_is_resumed(folder):
    folder.write(record())
    folder.write(record("b", 1, outcome="failed"))
    for key in ("a", "b"):
        folder.trial(key).hang_path.write_text("a traceback")
    folder.reopen_trials()
    assert not folder.trial("a").hang_path.exists()
    assert folder.trial("b").hang_path.exists(), "it is the reason of a failed trial"


def test_a_search_passes_through_its_states(folder):
    assert not folder.has_begun
    with folder.lock():
        folder.request_path.touch()
        folder.discard_unless_begun()
    assert folder.has_begun
    assert not folder.has_ended_stage("search")
    folder.end_stage("search")
    assert folder.has_ended_stage("search")
    assert not folder.has_ended_stage("folds")
    assert not folder.has_ended
    folder.summary_path.touch()
    assert folder.has_ended
    assert not folder.is_recorded
    folder.mark_recorded()
    assert folder.is_recorded
    assert sorted(path.name for path in folder.directory.iterdir()) == [
        ".lock", ".recorded", ".search.over", "request.yaml", "summary.json",
    ]  # fmt: skip


def test_a_search_that_ends_before_it_has_begun_leaves_nothing(folder):
    with folder.lock():
        folder.discard_unless_begun()
    assert not folder.directory.exists()


def test_ray_leaves_nothing_in_the_folder_even_after_an_error(folder):
    def work():
        with folder.ray_storage() as storage:
            storage.mkdir(parents=True)
            (storage / "experiment_state.json").touch()
            raise KeyError

    with pytest.raises(KeyError):
        work()
    assert list(folder.directory.iterdir()) == []
