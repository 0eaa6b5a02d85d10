import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from cellbench.disk import (
    LockedError,
    explained,
    file_lock,
    is_locked,
    lock_holder,
    sweep_leftovers,
    temporary_name,
    write_text,
)
from cellbench.errors import StoreError


def test_a_text_is_written_whole(tmp_path):
    write_text(tmp_path / "x.txt", "one")
    write_text(tmp_path / "x.txt", "µm")
    assert (tmp_path / "x.txt").read_text(encoding="utf-8") == "µm"
    assert [path.name for path in tmp_path.iterdir()] == ["x.txt"]


def test_an_error_of_the_system_is_one_sentence_that_names_the_path(tmp_path):
    with pytest.raises(StoreError, match=r"x\.txt cannot be written \(No such file or directory\); set CELLBENCH_HOME"):
        write_text(tmp_path / "nothing" / "x.txt", "one")
    with pytest.raises(OSError, match="cannot be written"), explained(tmp_path):
        raise PermissionError(13, "Permission denied")


def test_our_own_sentence_is_not_wrapped(tmp_path):
    with pytest.raises(StoreError, match=r"^full$"), explained(tmp_path):
        raise StoreError("full")


def test_a_lock_lets_in_one_at_a_time(tmp_path):
    inside, most = [], []

    def work():
        with file_lock(tmp_path / "folder" / "x.lock"):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.01)
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 5


HOLD = """
import sys, time
from pathlib import Path
from cellbench.disk import file_lock
with file_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_lock_names_its_holder_and_ends_with_it(tmp_path):
    path = tmp_path / "x.lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "held\n"
        path.chmod(0o444)
        assert is_locked(path)
        path.chmod(0o644)
        assert lock_holder(path) == f"process {holder.pid} on {os.uname().nodename}"
        with (
            pytest.raises(LockedError, match=f"x.lock is locked by process {holder.pid} on "),
            file_lock(path, wait=False),
        ):
            pass
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.communicate()
    assert not is_locked(path)
    with file_lock(path, wait=False):
        assert lock_holder(path).startswith(f"process {os.getpid()} on ")


def test_a_look_at_a_lock_does_not_refuse_another_process(tmp_path):
    import fcntl

    path = tmp_path / "x.lock"
    path.touch()
    with path.open() as look:
        fcntl.flock(look, fcntl.LOCK_SH)
        timer = threading.Timer(0.02, lambda: fcntl.flock(look, fcntl.LOCK_UN))
        timer.start()
        with file_lock(path, wait=False):
            assert is_locked(path)
        timer.join()


def test_a_file_system_without_locks_is_used_without_a_lock(tmp_path, monkeypatch):
    def flock(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("cellbench.disk.fcntl.flock", flock)
    with file_lock(tmp_path / "x.lock", wait=False), file_lock(tmp_path / "x.lock"):
        assert not is_locked(tmp_path / "x.lock")


def test_leftovers_are_swept_when_nobody_has_touched_them_for_an_hour(tmp_path):
    target = tmp_path / "x"
    old, young, other = temporary_name(target), temporary_name(target), temporary_name(tmp_path / "y")
    for folder in (old, young, other):
        folder.mkdir()
        (folder / "patches.npy").write_bytes(b"x")
    an_hour_ago = time.time() - 3601
    for path in (old / "patches.npy", old, young, other / "patches.npy", other):
        os.utime(path, (an_hour_ago, an_hour_ago))
    sweep_leftovers(target)
    assert sorted(tmp_path.iterdir()) == sorted([young, other])
