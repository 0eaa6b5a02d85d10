import os
import threading
import time

import pytest

from cellbench.disk import explained, file_lock, sweep_leftovers, temporary_name, write_text
from cellbench.errors import StoreError


def test_a_text_is_written_whole(tmp_path):
    write_text(tmp_path / "x.txt", "one")
    write_text(tmp_path / "x.txt", "µm")
    assert (tmp_path / "x.txt").read_text(encoding="utf-8") == "µm"
    assert [path.name for path in tmp_path.iterdir()] == ["x.txt"]


def test_an_error_of_the_system_is_one_sentence_that_names_the_path(tmp_path):
    with pytest.raises(StoreError, match=r"x\.txt cannot be written \(No such file or directory\); let CELLBENCH_HOME"):
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
