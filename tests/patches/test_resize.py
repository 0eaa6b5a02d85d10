import threading
from collections import namedtuple
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
import torch

from cellbench import disk
from cellbench.errors import SettingError, StoreError
from cellbench.patches import PatchSet, resize


def open_resized(path, cache):
    """Return what another process sees."""
    return PatchSet.open(path).resized(16, cache).sum()


def test_a_resized_copy_is_what_torch_makes(discs, tmp_path):
    copy = discs.resized(16, tmp_path)
    batch = torch.from_numpy(np.array(discs.patches)).permute(0, 3, 1, 2).float()
    expected = torch.nn.functional.interpolate(batch, size=(16, 16), mode="bilinear", antialias=True)
    assert copy.shape == (90, 16, 16, 3)
    assert copy.dtype == np.uint8
    assert np.abs(copy - expected.permute(0, 2, 3, 1).numpy()).max() < 1.1


def test_patches_can_be_enlarged(discs, tmp_path):
    assert discs.resized(64, tmp_path).shape == (90, 64, 64, 3)


def test_the_native_size_is_no_copy(discs, tmp_path):
    assert discs.resized(40, tmp_path / "cache") is discs.patches
    assert not (tmp_path / "cache").exists()


def test_the_copy_is_made_once(discs, tmp_path, monkeypatch):
    first = discs.resized(16, tmp_path)
    monkeypatch.setattr(resize, "_write_copy", lambda *args: pytest.fail("made twice"))
    again = discs.resized(16, tmp_path)
    assert isinstance(again, np.memmap)
    assert not again.flags.writeable
    assert (first == again).all()
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == [f"{discs.card.fingerprint[:16]}-16.{ending}" for ending in ("lock", "npy")]


def test_chunks_do_not_change_the_copy(discs, tmp_path, monkeypatch):
    whole = np.array(discs.resized(16, tmp_path / "a"))
    monkeypatch.setattr(resize, "_CHUNK", 7)
    assert (discs.resized(16, tmp_path / "b") == whole).all()


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY\x01\x00 cut off", None])
def test_a_damaged_copy_is_made_again(discs, tmp_path, content):
    path = tmp_path / f"{discs.card.fingerprint[:16]}-16.npy"
    expected = np.array(discs.resized(16, tmp_path))
    path.write_bytes(path.read_bytes()[:-1] if content is None else content)
    assert (discs.resized(16, tmp_path) == expected).all()


def test_an_interrupted_copy_leaves_no_file(discs, tmp_path, monkeypatch):
    def interrupted(patch, size):
        raise KeyboardInterrupt

    monkeypatch.setattr(resize, "resize_patch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        discs.resized(16, tmp_path)
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]


@pytest.mark.slow
def test_several_processes_get_the_same_copy(discs, tmp_path):
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        sums = list(pool.map(open_resized, [discs.path] * 6, [tmp_path] * 6))
    assert set(sums) == {discs.resized(16, tmp_path).sum()}
    assert not list(tmp_path.glob("*.tmp"))


def test_several_threads_make_one_copy_and_wait_for_it(discs, tmp_path, monkeypatch):
    made, found = [], []
    write = resize._write_copy
    monkeypatch.setattr(resize, "_write_copy", lambda *args: (made.append(1), write(*args)))
    threads = [threading.Thread(target=lambda: found.append(discs.resized(24, tmp_path).sum())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert len(found) == 4
    assert len(set(found)) == 1


def test_a_size_of_zero_is_refused(discs, tmp_path):
    with pytest.raises(SettingError, match=r"1 px or more\. Got 0"):
        discs.resized(0, tmp_path)


def test_a_full_disk_gives_a_clear_message_and_leaves_no_file(discs, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda path: usage(0, 0, 100))
    with pytest.raises(StoreError, match=r"needs 69.1 kB, but its disk has 100 bytes left"):
        discs.resized(16, tmp_path)
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]


def test_the_middle_of_a_patch_is_magnified():
    patch = np.zeros((8, 8), np.uint8)
    patch[2:6, 2:6] = 255
    assert (resize.resize_patch(patch, 8, 2.0)[1:-1, 1:-1] == 255).all()
    assert (resize.resize_patch(patch, 8) == patch).all()
    twice = resize.resize_patch(np.dstack([patch] * 3), 8, 4 / 3)  # the middle 6 px
    assert twice.shape == (8, 8, 3)
    assert (twice[2:6, 2:6] == 255).all()
    assert twice[0].max() == 0
