from pathlib import Path

import pytest

from cellbench.errors import DataError, listing
from cellbench.importers.problems import ProblemsError, shown, shown_path
from cellbench.patches.roles import draw_roles
from cellbench.registry import nearest


@pytest.mark.parametrize(("n", "n_lines"), [(1, 1), (2, 4), (20, 22), (21, 23), (20_000, 23)])
def test_the_first_20_problems_are_in_the_message(n, n_lines):
    error = ProblemsError(Path("cells.csv"), [f"line {i}: it has no path" for i in range(n)])
    assert len(str(error).splitlines()) == n_lines
    assert len(error.problems) == n
    assert (f"and {n - 20} more" in str(error)) == (n > 20)


def test_a_listing_has_20_items_at_most():
    assert listing(range(20)).endswith(", 18, 19")
    assert listing(range(21)).endswith(", 18, 19, and 1 more")


def test_messages_list_20_names_at_most():
    names = [f"name{i}" for i in range(1000)]
    assert nearest("zzz", names).endswith(", name19, and 980 more.")
    with pytest.raises(DataError, match=r"name115 1 in 1 groups, and 980 more\)"):
        draw_roles(names, names)


def test_values_are_shown_on_one_line():
    assert shown("a\nb" + "c" * 5000) == "'a\\nb" + "c" * 56 + "…'"
    assert shown_path("a\tb") == "a\\tb"
    assert shown_path("ä/" + "c" * 200) == "ä/" + "c" * 200
