"""A resumed search sends Ray's token only to an address that the user has typed."""

import pytest

import bench.pipeline.run
from bench.planning.commands import where
from bench.planning.options import SearchOptions
from bench.search import _resume
from bench.terminal.command_line import checked
from cellbench.errors import DataError, SettingError


@pytest.fixture
def resumed(make_request, folder, monkeypatch):
    """Resumes a search whose file names a stranger's cluster, up to the start of Ray, and returns the request."""
    make_request(address="203.0.113.9:6379; x", name="another-name").write(folder)
    requests = []

    def instead(request, folder, kind):
        requests.append(request)
        raise KeyboardInterrupt

    monkeypatch.setattr(bench.pipeline.run, "run_pipeline", instead)

    def resume(**typed):
        _resume("test", checked(SearchOptions, {"resume": "test"} | typed))
        return requests[0]

    return resume


def test_the_address_in_a_file_is_named_and_not_joined(resumed, capsys):
    assert resumed().address is None
    output, errors = capsys.readouterr()
    assert output.splitlines()[0] == "Ray: started on this machine for this search alone."
    assert "names the Ray cluster at 203.0.113.9:6379; x, which is not joined" in errors
    assert "python -m bench.search --resume test --address '203.0.113.9:6379; x'" in errors
    assert "Stopped. Resume with: python -m bench.search --resume test\n" in errors, "the folder's name, not the file's"


def test_a_typed_address_is_joined_and_named_first(resumed, capsys):
    assert resumed(address="10.0.0.1:6379").address == "10.0.0.1:6379"
    output, errors = capsys.readouterr()
    assert output.splitlines()[0] == "Ray: joins the cluster at 10.0.0.1:6379."
    assert "Resume with: python -m bench.search --resume test --address 10.0.0.1:6379\n" in errors


def test_the_cluster_of_the_environment_is_joined_only_with_auto(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.2:6379")
    assert where(None) == "Ray: started on this machine for this search alone."
    assert where("auto") == "Ray: joins the cluster at auto (RAY_ADDRESS: 10.0.0.2:6379)."


def test_the_key_of_a_trial_is_the_name_of_its_folder(make_request, jobs, folder):
    from bench.record.jobs import record_of

    space = jobs.request.spaces[0]
    record = record_of(jobs.search(space.configuration(space.grid_points()[0])), 0)
    folder.write(record)
    stolen = record.model_copy(update={"key": "../../elsewhere"})
    folder.trial(record.key).record_path.write_text(stolen.model_dump_json())
    with pytest.raises(DataError, match=r"trial\.json is damaged"):
        folder.records()


@pytest.mark.parametrize("address", ["me:geheim@host:6379", "ray://me:geheim@127.0.0.1:1", "me:geheim@host"])
def test_a_password_in_an_address_is_refused_and_not_shown(address):
    with pytest.raises(SettingError, match="--address: an address has no user name or password in it") as caught:
        checked(SearchOptions, {"address": address})
    assert "geheim" not in str(caught.value)
