"""What is asked to end does so, wherever it was begun."""

import os
import signal
import subprocess
import sys
import time

import pytest

from bench.record.folder import SearchFolder
from bench.terminal.signals import graceful_stop


@pytest.fixture(params=[signal.default_int_handler, signal.SIG_IGN], ids=["terminal", "background"])
def _begun_in(request):
    """Ctrl-C as a terminal or, for `&`, a script's shell leaves it to us."""
    before = signal.signal(signal.SIGINT, request.param)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_begun_in")
def test_sigterm_is_heard_once_it_listens(tmp_path):
    before = signal.getsignal(signal.SIGTERM)

    def search():
        with graceful_stop(tmp_path / ".stop") as listen:
            listen()
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)

    with pytest.raises(KeyboardInterrupt):
        search()
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.usefixtures("_begun_in")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_asks_before_it_listens_is_kept_in_mind_and_asked_again_obeyed(tmp_path, number, capfd):
    passed = []

    def search(times):
        with graceful_stop(tmp_path / ".stop") as listen:
            for _ in range(times):
                os.kill(os.getpid(), number)
                time.sleep(0.1)
            passed.append(times)
            listen()

    for times in (1, 2):
        with pytest.raises(KeyboardInterrupt):
            search(times)
    assert passed == [1]
    assert "Stopping as soon as Ray has started" in capfd.readouterr().err


@pytest.mark.usefixtures("_begun_in")
def test_a_stop_from_elsewhere_is_heard_once_it_listens(tmp_path):
    folder = SearchFolder(tmp_path)

    def search():
        with graceful_stop(folder.stop_path) as listen:
            folder.stop_path.touch()
            listen()
            time.sleep(10)

    with pytest.raises(KeyboardInterrupt):
        search()
    assert not folder.stop_path.exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "ignored",
    # The two differ in Ctrl-C alone, which the tests above send; this one sends SIGTERM.
    [False, pytest.param(True, marks=pytest.mark.long)],
    ids=["terminal", "background"],
)
def test_the_user_interface_ends_when_it_is_asked_to(tmp_path, ignored):
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.ui", "--port", "5987"],
        env={**os.environ, "CELLBENCH_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=(lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)) if ignored else None,
    )
    for line in process.stdout:
        if "Application startup complete" in line:
            break
    process.terminate()
    output, _ = process.communicate(timeout=30)
    assert "Traceback" not in output
