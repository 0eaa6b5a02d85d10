"""Tables of text at several widths."""

import pytest

from bench.terminal.tables import table_lines

COLUMNS = ["trial", "F1", "configuration"]
ROWS = [["a1", "0.500", "r_max 40, lr 0.001"], ["b22", "–", "r_max 127.5, lr 0.0004"]]


def test_a_table_that_fits_has_aligned_columns():
    assert table_lines(COLUMNS, ROWS, 40) == (
        ["trial  F1     configuration"],
        ["a1     0.500  r_max 40, lr 0.001", "b22    –      r_max 127.5, lr 0.0004"],
    )


def test_the_last_column_is_wrapped_after_commas_while_it_is_wide_enough():
    header, body = table_lines(COLUMNS, ROWS, 14 + 18)
    assert header == ["trial  F1     configuration"]
    assert body[-2:] == ["b22    –      r_max 127.5,", "              lr 0.0004"]
    assert table_lines(COLUMNS, ROWS, 14 + 17)[0] == []


def test_a_table_that_does_not_fit_has_a_block_for_each_row_without_its_empty_cells():
    header, body = table_lines(COLUMNS, ROWS, 20)
    assert header == []
    assert body[:3] == ["trial a1  F1 0.500", "  configuration", "  r_max 40, lr 0.001"]
    assert body[3:] == ["trial b22", "  configuration", "  r_max 127.5,", "  lr 0.0004"]


def test_a_word_that_is_longer_than_the_terminal_stays_whole():
    assert "n" * 50 in "".join(table_lines(["search", "state"], [["n" * 50, "running"]], 20)[1])


def test_wide_characters_count_twice():
    header, body = table_lines(["set", "n", "what"], [["細胞", "1", "a"], ["ab", "2", "b"]], 40)
    assert body == ["細胞  1  a", "ab    2  b"]
    assert header == ["set   n  what"]


@pytest.mark.parametrize("width", [20, 80])
def test_control_characters_and_markup_are_shown_as_text(width):
    _, body = table_lines(["search", "state"], [["a\x1b[31m\nb", "[/red]"]], width)
    assert r"a\x1b[31m\nb" in " ".join(body)
    assert "[/red]" in " ".join(body)
