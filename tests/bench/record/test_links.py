"""Links in the folder of a search, which a stranger may have made: nothing elsewhere is written through them."""

import pytest

from cellbench.errors import DataError


@pytest.mark.parametrize("place", [".lock", ".stop", "trials/some-trial/error.txt", "trials/some-trial"])
def test_a_search_folder_with_a_link_is_neither_worked_on_nor_stopped(folder, tmp_path, place):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    link = folder.directory / place
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(victim)
    with pytest.raises(DataError, match=r"is a link; the folder of a search has none"), folder.lock():
        pass
    with pytest.raises(DataError, match=r"is a link"):
        folder.request_stop()
    assert victim.read_text() == "precious"


def test_files_that_ray_left_are_removed_before_ray_writes(folder, tmp_path):
    (folder.directory / ".ray").mkdir(parents=True)
    (folder.directory / ".ray" / "state").symlink_to(tmp_path)
    with folder.lock(), folder.ray_storage() as storage:
        assert not storage.exists()
