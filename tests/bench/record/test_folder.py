"""The folder of a search."""

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


def test_a_history_survives_the_line_that_was_being_written_and_keeps_the_last_word(folder):
    folder.write(record())
    for epoch, loss in ((1, 0.5), (2, 0.4), (2, 0.3)):
        folder.trial("a").append_history(epoch, {"train/loss": loss})
    path = folder.trial("a").directory / "history.jsonl"
    path.write_text(path.read_text() + '{"epoch": 3, "time"')
    assert [(entry["epoch"], entry["metrics"]["train/loss"]) for entry in folder.trial("a").history()] == [
        (1, 0.5),
        (2, 0.3),
    ]
    assert folder.trial("never").history() == []


def test_half_a_line_costs_no_line_but_itself(folder):
    folder.write(record())
    path = folder.trial("a").directory / "history.jsonl"
    folder.trial("a").append_history(1, {})
    for rubbish in (b'{"epoch": 2, "ti', b"\xff\xfe", b"1", b"null", b'{"epoch": "two", "time": 0, "metrics": {}}'):
        path.write_bytes(path.read_bytes() + rubbish)  # as a full disk leaves it
        folder.trial("a").append_history(3, {"train/loss": 0.1})
    assert [entry["epoch"] for entry in folder.trial("a").history()] == [1, 3]


def test_who_may_only_read_the_folder_sees_that_it_is_held_and_looking_holds_nobody_up(folder, tmp_path):
    assert not folder.is_locked
    with folder.lock():
        lock = folder.directory / ".lock"
        lock.chmod(0o444)
        assert folder.is_locked
    assert not folder.is_locked


def test_what_was_meant_to_stop_an_earlier_process_stops_no_later_one(folder):
    folder.directory.mkdir(parents=True)
    folder.stop_path.touch()
    with folder.lock():
        assert not folder.stop_path.exists()
        folder.stop_path.touch()
        with pytest.raises(SettingError), SearchFolder(folder.directory).lock():
            pass
        assert folder.stop_path.exists(), "who is refused takes no word from who holds it"


def test_a_damaged_record_is_named(folder):
    folder.write(record())
    (folder.trial("a").directory / "trial.json").write_text("{")
    with pytest.raises(DataError, match=r"trial\.json is damaged; remove its folder, and --resume s"):
        folder.records()


def test_one_process_at_a_time(folder):
    assert not SearchFolder(folder.directory).is_locked
    with folder.lock():
        assert SearchFolder(folder.directory).is_locked
        with pytest.raises(SettingError, match="being worked on by process"), folder.lock():
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


def test_a_search_that_starts_is_known_before_its_request_is_written(folder, tmp_path):
    with folder.lock():
        assert starting_names() == [folder.name]
        assert search_names() == []
        folder.request_path.touch()
        assert starting_names() == []
    folder.request_path.unlink()
    assert starting_names() == []  # what was begun and killed runs no more


def test_a_damaged_record_of_a_search_that_has_ended_needs_its_end_removed_too(folder):
    folder.write(record())
    (folder.trial("a").directory / "trial.json").write_text("{")
    folder.summary_path.touch()
    with pytest.raises(DataError, match=r"remove its folder and summary.json, and --resume"):
        folder.records()
