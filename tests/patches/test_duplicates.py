import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cellbench.patches.duplicates import contradictions, merge_duplicates

pairs = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 12)), min_size=1, max_size=40)


@given(pairs)
@settings(deadline=None)
def test_after_merging_no_content_is_in_two_groups_and_no_group_is_split(rows):
    groups, hashes = [f"g{g}" for g, _ in rows], [str(h) for _, h in rows]
    merged, n_copies = merge_duplicates(groups, hashes)
    assert n_copies == len(hashes) - len(set(hashes))
    for content in set(hashes):
        assert len({m for m, h in zip(merged, hashes, strict=True) if h == content}) == 1
    for group in set(groups):
        assert len({m for m, g in zip(merged, groups, strict=True) if g == group}) == 1


@given(pairs)
@settings(deadline=None)
def test_groups_that_share_nothing_are_left_alone(rows):
    groups = [f"g{g}" for g, _ in rows]
    assert merge_duplicates(groups, [str(i) for i in range(len(rows))]) == (groups, 0)


def test_copies_with_different_labels_are_named():
    found = contradictions(["a", "b", "a", None], ["1.png", "2.png", "3.png", "4.png"], ["x", "x", "x", "x"])
    assert found == ["1.png (a) = 2.png (b)", "1.png (a) = 4.png (None)"]


def test_a_long_chain_of_copies_is_merged_into_one_group():
    n = 3000
    groups = [f"{i:05}" for i in np.repeat(np.arange(n), 2)]
    hashes = [str((i + 1) // 2) for i in range(2 * n)]
    merged, _ = merge_duplicates(groups, hashes)
    assert set(merged) == {"00000"}
