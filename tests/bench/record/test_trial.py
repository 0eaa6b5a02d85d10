"""The folder of a trial."""

import contextlib
import shutil
from pathlib import Path

import pytest

from bench.record.trial import TrialFolder
from cellbench.errors import StoreError


@pytest.fixture
def trial(tmp_path):
    found = TrialFolder(tmp_path / "trial")
    found.directory.mkdir()
    return found


def test_a_history_skips_an_unfinished_line_and_keeps_the_last_entry_of_an_epoch(trial):
    for epoch, loss in ((1, 0.5), (2, 0.4), (2, 0.3)):
        trial.append_history(epoch, {"train/loss": loss})
    path = trial.history_path
    path.write_text(path.read_text() + '{"epoch": 3, "time"')
    losses = {entry["epoch"]: entry["metrics"]["train/loss"] for entry in trial.history()}
    assert losses == {1: 0.5, 2: 0.3}
    assert TrialFolder(trial.directory / "never").history() == []


def test_a_damaged_line_does_not_damage_the_next_one(trial):
    path = trial.history_path
    trial.append_history(1, {})
    for rubbish in (b'{"epoch": 2, "ti', b"\xff\xfe", b"1", b"null", b'{"epoch": "two", "time": 0, "metrics": {}}'):
        path.write_bytes(path.read_bytes() + rubbish)  # as a full disk leaves it
        trial.append_history(3, {"train/loss": 0.1})
    assert [entry["epoch"] for entry in trial.history()] == [1, 3]


def save(trial, text, error=None):
    with trial.replacing_checkpoint() as directory:
        (directory / "trainer.pt").write_text(text)
        if error is not None:
            raise error


def contents(trial):
    return [(path / "trainer.pt").read_text() for path in trial.checkpoints()]


def test_a_new_checkpoint_replaces_the_old_one(trial):
    assert trial.checkpoints() == []
    save(trial, "one")
    save(trial, "two")
    assert contents(trial) == ["two"]
    assert [path.name for path in trial.directory.iterdir()] == ["checkpoint"]


def test_a_checkpoint_that_cannot_be_written_leaves_the_previous_one(trial):
    save(trial, "one")
    with pytest.raises(StoreError, match="cannot be written"):
        save(trial, "half", OSError(28, "No space left on device"))
    assert contents(trial) == ["one"]
    assert [path.name for path in trial.directory.iterdir()] == ["checkpoint"]


def test_whenever_a_process_dies_a_complete_checkpoint_is_found(trial, monkeypatch):
    """Each call that changes the folder is the last one once."""

    class Killed(BaseException):
        pass

    for last in range(6):
        shutil.rmtree(trial.directory)
        save(trial, "one")
        left = last
        with monkeypatch.context() as patch:

            def limited(function):
                def call(*args, **kwargs):
                    nonlocal left
                    left -= 1
                    if left < 0:
                        raise Killed
                    return function(*args, **kwargs)

                return call

            patch.setattr(shutil, "rmtree", limited(shutil.rmtree))
            patch.setattr(Path, "rename", limited(Path.rename))
            with contextlib.suppress(Killed):
                save(trial, "two")
        assert contents(trial)[0] in ("one", "two"), last
        save(trial, "three")
        assert contents(trial) == ["three"]


def test_an_ended_trial_has_no_checkpoint_of_any_age(trial):
    for name in ("checkpoint", "checkpoint.old", "checkpoint.new"):
        (trial.directory / name).mkdir()
    trial.remove_checkpoints()
    assert list(trial.directory.iterdir()) == []
