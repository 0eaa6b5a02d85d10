import json

import numpy as np
import pytest

from cellbench.errors import DataError
from cellbench.scores.confusions import Confusions, read_all, write_all

FOUND = Confusions(("a", "ß <b>"), np.array([[[3, 1], [0, 2]], [[4, 0], [1, 1]]]))


def test_counts_are_the_same_after_writing_and_reading(tmp_path):
    FOUND.write(tmp_path / "one.json")
    write_all(tmp_path / "all.json", {"floor pca": FOUND, "floor random": FOUND})
    for read in (Confusions.read(tmp_path / "one.json"), read_all(tmp_path / "all.json")["floor random"]):
        assert read == FOUND
        assert hash(read) == hash(FOUND)
    assert Confusions(FOUND.classes, FOUND.counts + 1) != FOUND


def test_a_trial_or_search_of_an_older_version_has_none(tmp_path):
    assert Confusions.read(tmp_path / "one.json") is None
    assert read_all(tmp_path / "all.json") == {}


@pytest.mark.parametrize(
    "found",
    [
        [],
        {},
        {"classes": "ab", "counts": [[[1, 0], [0, 1]]]},
        {"classes": ["a"], "counts": [[[1, 0], [0, 1]]]},
        {"classes": ["a", "b"], "counts": [[1, 0], [0, 1]]},
        {"classes": ["a", "b"], "counts": [[[1, 0], [0]]]},
        {"classes": ["a", "b"], "counts": []},
        {"classes": ["a", "b"], "counts": [[[1.5, 0], [0, 1]]]},
        {"classes": ["a", "b"], "counts": [[[-1, 0], [0, 1]]]},
        {"classes": ["a", "b"], "counts": [[[10**200, 0], [0, 1]]]},
        {"classes": ["a", 2], "counts": [[[1, 0], [0, 1]]]},
    ],
)
def test_a_damaged_file_is_named(tmp_path, found):
    (tmp_path / "one.json").write_text(json.dumps(found))
    (tmp_path / "all.json").write_text(json.dumps({"floor pca": found}))
    with pytest.raises(DataError, match=r"one\.json is damaged"):
        Confusions.read(tmp_path / "one.json")
    with pytest.raises(DataError, match=r"all\.json is damaged"):
        read_all(tmp_path / "all.json")


@pytest.mark.parametrize("text", ["", "[1]", "{"])
def test_a_file_that_is_no_object_is_named(tmp_path, text):
    (tmp_path / "all.json").write_text(text)
    with pytest.raises(DataError, match="is damaged"):
        read_all(tmp_path / "all.json")
