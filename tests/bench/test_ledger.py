"""The folder of a search."""

import pytest

from bench.record.folder import Ledger, search_names, starting_names
from bench.record.trial import TrialRecord
from cellbench.errors import DataError, SettingError, StoreError


def record(key="a", number=0, stage="search", **changes):
    values = {
        "key": key, "number": number, "stage": stage, "method": "vae", "configuration": key, "fold": 0, "seed": 0,
        "params": {"lr": 1e-3, "beta": 1e-3, "latent_dim": 256}, "epochs": 3,
    }  # fmt: skip
    return TrialRecord(**{**values, **changes})


@pytest.fixture
def ledger(tmp_path, monkeypatch):
    monkeypatch.setenv("CELLBENCH_HOME", str(tmp_path))
    return Ledger(tmp_path / "searches" / "s")


def test_records_come_back_as_they_were_in_the_order_of_stages(ledger):
    written = [record("c", 0, "final"), record("b", 1), record("a", 0), record("d", 0, "folds")]
    for each in written:
        ledger.write(each)
    assert [each.key for each in ledger.records()] == ["a", "b", "d", "c"]
    assert ledger.records("final") == [written[0]]
    assert ledger.records()[0].params["latent_dim"] == 256


def test_a_history_survives_the_line_that_was_being_written_and_keeps_the_last_word(ledger):
    ledger.write(record())
    for epoch, loss in ((1, 0.5), (2, 0.4), (2, 0.3)):
        ledger.append_history("a", epoch, {"train/loss": loss})
    path = ledger.trial_directory("a") / "history.jsonl"
    path.write_text(path.read_text() + '{"epoch": 3, "time"')
    assert [(entry["epoch"], entry["metrics"]["train/loss"]) for entry in ledger.history("a")] == [(1, 0.5), (2, 0.3)]
    assert ledger.history("never") == []


def test_half_a_line_costs_no_line_but_itself(ledger):
    ledger.write(record())
    path = ledger.trial_directory("a") / "history.jsonl"
    ledger.append_history("a", 1, {})
    for rubbish in (b'{"epoch": 2, "ti', b"\xff\xfe", b"1", b"null", b'{"epoch": "two", "time": 0, "metrics": {}}'):
        path.write_bytes(path.read_bytes() + rubbish)  # as a full disk leaves it
        ledger.append_history("a", 3, {"train/loss": 0.1})
    assert [entry["epoch"] for entry in ledger.history("a")] == [1, 3]


def test_who_may_only_read_the_folder_sees_that_it_is_held_and_looking_holds_nobody_up(ledger, tmp_path):
    assert not ledger.is_locked
    with ledger.lock():
        lock = ledger.directory / ".lock"
        lock.chmod(0o444)
        assert ledger.is_locked
    assert not ledger.is_locked


def test_what_was_meant_to_stop_an_earlier_process_stops_no_later_one(ledger):
    ledger.directory.mkdir(parents=True)
    ledger.stop_path.touch()
    with ledger.lock():
        assert not ledger.stop_path.exists()
        ledger.stop_path.touch()
        with pytest.raises(SettingError), Ledger(ledger.directory).lock():
            pass
        assert ledger.stop_path.exists(), "who is refused takes no word from who holds it"


def test_a_damaged_record_is_named(ledger):
    ledger.write(record())
    (ledger.trial_directory("a") / "trial.json").write_text("{")
    with pytest.raises(DataError, match=r"trial\.json is damaged; remove its folder, and --resume s"):
        ledger.records()


def test_one_process_at_a_time(ledger):
    assert not Ledger(ledger.directory).is_locked
    with ledger.lock():
        assert Ledger(ledger.directory).is_locked
        with pytest.raises(SettingError, match="being worked on by process"), ledger.lock():
            pass
    assert not ledger.is_locked
    with ledger.lock():
        pass


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "searches").write_text("a file where a folder should be")
    with pytest.raises(StoreError, match="cannot be written"):
        Ledger(tmp_path / "searches" / "s").write(record())


def test_searches_are_listed_the_newest_first(ledger, tmp_path):
    import os

    assert search_names() == []
    for number, name in enumerate(("old", "new")):
        path = tmp_path / "searches" / name / "request.yaml"
        path.parent.mkdir(parents=True)
        path.write_text("")
        os.utime(path, (number, number))
    assert search_names() == ["new", "old"]


def test_a_search_that_starts_is_known_before_its_request_is_written(ledger, tmp_path):
    with ledger.lock():
        assert starting_names() == [ledger.name]
        assert search_names() == []
        ledger.request_path.touch()
        assert starting_names() == []
    ledger.request_path.unlink()
    assert starting_names() == []  # what was begun and killed runs no more


def test_a_damaged_record_of_a_search_that_has_ended_needs_its_end_removed_too(ledger):
    ledger.write(record())
    (ledger.trial_directory("a") / "trial.json").write_text("{")
    ledger.summary_path.touch()
    with pytest.raises(DataError, match=r"remove its folder and summary.json, and --resume"):
        ledger.records()
