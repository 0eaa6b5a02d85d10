"""Only its owner can read Ray's token."""

import stat

import pytest

from bench.tuning.cluster import keep_token_private


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "ray" / "auth_token"))
    return tmp_path / "ray" / "auth_token"


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_token_is_long_and_readable_by_its_owner_alone(path):
    keep_token_private()
    assert mode(path) == 0o600
    assert len(path.read_text()) == 64
    assert list(path.parent.iterdir()) == [path]


def test_a_token_that_others_could_read_keeps_its_text_and_loses_their_access(path):
    path.parent.mkdir()
    path.write_text("made by Ray")
    path.chmod(0o644)
    keep_token_private()
    assert mode(path) == 0o600
    assert path.read_text() == "made by Ray"


def test_a_token_in_the_environment_needs_no_file(path, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_TOKEN", "given")
    keep_token_private()
    assert not path.exists()
