"""The tracking server that `mlflow/serve` starts: access, backups and secrets."""

import shutil
import stat
import subprocess
import sys

import pytest
from programs import SMALL, Home

from bench.tracking.client import connect

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::ResourceWarning")]

WRITER = """
import sys
from mlflow import MlflowClient
from mlflow.entities import Metric
client, experiment, number = MlflowClient(), sys.argv[1], int(sys.argv[2])
run = client.create_run(experiment, run_name=f"writer {number}").info.run_id
for step in range(40):
    client.log_batch(run, [Metric(name, number + step / 100, step, step) for name in ("a", "b", "c")])
client.set_terminated(run)
print(run)
"""


@pytest.fixture
def client(server, monkeypatch):
    """The client of anna."""
    for name, value in server.environment("anna").items():
        monkeypatch.setenv(name, value)
    return connect()


def test_four_writers_at_once_lose_nothing(server, client):
    experiment = client.create_experiment("four writers")  # created by anna; ben writes to it too
    writers = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", WRITER, experiment, str(number)],
            env=server.environment("anna" if number % 2 else "ben"),
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    runs = [writer.communicate(timeout=600)[0].strip() for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * 4
    for number, run in enumerate(runs):
        for name in ("a", "b", "c"):
            history = [(metric.step, metric.value) for metric in client.get_metric_history(run, name)]
            assert sorted(history) == [(step, number + step / 100) for step in range(40)]


def test_a_password_is_required(server):
    assert server.ask("anna") == 200
    assert server.ask("anna", "not her password") == 401
    assert server.ask("anna", server.passwords["ben"]) == 401
    assert server.ask() == 401


def test_other_hosts_and_origins_are_refused_even_with_the_password(server):
    assert server.ask("anna", Host="attacker.example") == 403
    assert server.ask("anna", Host="192.168.0.7") == 403
    assert server.ask("anna", Origin="http://attacker.example") == 403
    assert server.ask("anna", Origin=server.uri) == 200


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("http://127.0.0.1:{port}", "refuses this user name and password"),
        pytest.param(
            "http://ben:not-his-password@127.0.0.1:{port}",
            "has a user name or password in it",
            marks=pytest.mark.long,  # tests/bench/tracking/test_address.py reads such addresses without a server
        ),
    ],
)
def test_the_error_for_a_wrong_password_does_not_show_it(server, discs, tmp_path, address, message):
    home = Home(tmp_path, discs)
    account = {"MLFLOW_TRACKING_USERNAME": "ben", "MLFLOW_TRACKING_PASSWORD": "not-his-password"}
    uri = address.format(port=server.port)
    search = ("--method", "mask_sampled", "--dataset", "discs", *SMALL)
    output, errors = home.run(*search, expect=2, MLFLOW_TRACKING_URI=uri, **account)
    assert message in errors
    assert "not-his-password" not in output + errors
    assert not list(tmp_path.glob("searches/*"))


def test_a_new_password_replaces_the_old_one(server):
    server.add_user("carl")
    old = server.passwords["carl"]
    server.add_user("carl")
    assert server.passwords["carl"] != old
    assert server.ask("carl") == 200
    assert server.ask("carl", old) == 401
    server.add_user("admin")
    assert server.ask("admin") == 200
    assert server.passwords["admin"] in server.secrets(), "the file has the new password"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("sing",), "mlflow/serve backup FILE"),
        (("backup",), "mlflow/serve backup FILE"),
        (("restore", "/nowhere.tar"), "The file /nowhere.tar does not exist."),
        (("password", "anna; rm"), "is not a valid user name"),
    ],
)
def test_a_mistake_gives_one_sentence_and_exit_code_2(server, command, message):
    found = server.try_to(*command)
    assert found.returncode == 2
    assert message in found.stderr


def test_only_the_owner_can_read_files_and_no_secret_is_on_a_command_line(server):
    assert stat.S_IMODE((server.home / "server.env").stat().st_mode) == 0o600
    assert stat.S_IMODE((server.home / "artifacts").stat().st_mode) == 0o700
    shown = subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(server.port) in shown
    assert not [secret for secret in server.secrets() if secret in shown]


def test_a_backup_restores_everything_after_a_loss(server, client, tmp_path):
    experiment = client.create_experiment("kept")
    run = client.create_run(experiment, run_name="kept").info.run_id
    client.log_metric(run, "a", 0.5)
    client.log_text(run, "a picture", "picture.txt")
    backup = tmp_path / "backup.tar"
    server.serve("backup", backup)
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert "exists" in server.try_to("backup", backup).stderr
    later = client.create_run(experiment, run_name="after the backup").info.run_id
    server.serve("stop")
    assert server.try_to("status").returncode == 1
    for name in ("postgres", "artifacts"):
        shutil.rmtree(server.home / name)
    (server.home / "server.env").unlink()
    server.serve("restore", backup)
    server.serve("status")
    assert client.get_run(run).data.metrics == {"a": 0.5}
    assert [file.path for file in client.list_artifacts(run)] == ["picture.txt"]
    assert later not in {found.info.run_id for found in client.search_runs([experiment])}
    assert server.ask("ben") == 200, "users and their passwords are restored too"


@pytest.mark.long
def test_an_upgrade_writes_a_backup_and_keeps_the_runs(server, client):
    experiment = client.create_experiment("upgraded")
    server.serve("upgrade")
    assert list(server.home.glob("before-upgrade-*.tar"))
    assert client.get_experiment(experiment).name == "upgraded"
