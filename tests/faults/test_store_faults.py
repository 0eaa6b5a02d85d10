"""The database of MLflow disappears, or its disk is full: one sentence, and nothing is lost."""

import subprocess

import pytest
from programs import SMALL, Home, wait_until

from bench.tracking.client import connect

pytestmark = pytest.mark.slow

OPTIONS = (
    "--method", "mask_fixed", "--dataset", "discs", "--trials", "2", "--epochs", "12", "--folds", "1", "--finalists",
    "1", "--seeds", "1", "--sampler", "random", "--scheduler", "none", "--concurrent", "1", "--cpus-per-trial", "1",
    "--no-oracle", "--profile", "cpu", *SMALL,
)  # fmt: skip


def check_one_sentence(errors):
    """Check that nothing but sentences of the program is printed."""
    assert "Traceback" not in errors
    assert "sqlalchemy" not in errors.lower()
    assert "mlflow.store" not in errors


@pytest.mark.long
def test_a_database_that_disappears_is_one_sentence_and_gets_everything_later(tmp_path, discs):
    home = Home(tmp_path, discs)
    process = home.start(*OPTIONS, "--name", "gone")
    assert wait_until(lambda: home.n_epochs("gone") > 2), process.communicate()
    database, away = tmp_path / "mlflow.db", tmp_path / "away.db"
    database.rename(away)
    n_epochs = home.n_epochs("gone")
    assert wait_until(lambda: home.n_epochs("gone") > n_epochs + 1), process.communicate()
    away.rename(database)
    _, errors = process.communicate(timeout=600)
    check_one_sentence(errors)
    assert process.returncode == 0, errors
    assert errors.count("The MLflow store") == 1
    assert "(attempt to write a readonly database); check that its folder exists and can be written." in errors
    assert "The search continues" in errors
    runs = home.runs("gone")
    assert sorted(key for key, _ in runs) == sorted(["", *home.records("gone")])
    assert {run.info.status for _, run in runs} == {"FINISHED"}


@pytest.mark.long
def test_a_full_disk_is_one_sentence_and_the_search_resumes(tmp_path, discs):
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=900M", "tmpfs", str(small)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small disk")
    try:
        home = Home(small, discs)
        process = home.start(*OPTIONS, "--name", "full", "--checkpoint-every", "1")
        assert wait_until(lambda: home.n_epochs("full") > 2), process.communicate()
        subprocess.run(["dd", "if=/dev/zero", f"of={small / 'filled'}", "bs=1M"], capture_output=True, check=False)
        _, errors = process.communicate(timeout=600)
        check_one_sentence(errors)
        assert process.returncode == 2, errors
        assert "free some space" in errors
        assert "resume with: python -m bench.search --resume full" in errors
        (small / "filled").unlink()
        home.run("--resume", "full")
        assert {record["outcome"] for record in home.records("full").values()} == {"completed"}
        assert {run.info.status for _, run in home.runs("full")} == {"FINISHED"}
    finally:
        subprocess.run(["umount", "--lazy", str(small)], check=True)


@pytest.mark.long
def test_an_experiment_that_is_deleted_is_restored_and_gets_everything(tmp_path, discs):
    home = Home(tmp_path, discs)
    process = home.start(*OPTIONS, "--name", "deleted")
    assert wait_until(lambda: home.n_epochs("deleted") > 2), process.communicate()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
        client = connect()
    client.delete_experiment(client.get_experiment_by_name("discs").experiment_id)
    _, errors = process.communicate(timeout=600)
    check_one_sentence(errors)
    assert process.returncode == 0, errors
    assert "it was deleted; restore it in the MLflow UI" in errors
    runs = home.runs("deleted")
    assert sorted(key for key, _ in runs) == sorted(["", *home.records("deleted")])
    assert {run.info.status for _, run in runs} == {"FINISHED"}


@pytest.mark.long
def test_a_result_that_mlflow_lacks_is_written_without_the_data(tmp_path, discs):
    """The device of a search is not known when its result alone is written; MLflow keeps the first value."""
    home = Home(tmp_path, discs)
    home.run(*OPTIONS, "--name", "late")
    (home.search("late") / ".recorded").unlink()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
        client = connect()
    for _, run in home.runs("late"):
        client.set_terminated(run.info.run_id, "KILLED")
    _, errors = home.run("remove", "discs", "--yes", program="datasets", expect=2)
    assert "used by searches that have not ended: late" in errors
    home.run("--resume", "late")
    assert {run.info.status for _, run in home.runs("late")} == {"FINISHED"}
