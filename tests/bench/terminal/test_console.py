"""What data contain is shown as plain text on one line."""

import pytest
from rich.table import Table

from bench.terminal.console import console, note, print_error, say, user_errors
from cellbench.errors import CellbenchError, ListingError

NAME = "\x1b[31mcell\x1b[0m\n\u202e[/red] [bold]x[/] :smile: \udce9\x9b"
SHOWN = r"\x1b[31mcell\x1b[0m\n\u202e[/red] [bold]x[/] :smile: \xe9\x9b"


def test_lines_are_plain_text_without_control_characters(capsys):
    say(NAME)
    say(NAME, "yellow", title=NAME)
    note(NAME)
    print_error(NAME)
    output, errors = capsys.readouterr()
    assert output == f"{SHOWN}\n{SHOWN}{SHOWN}\n"
    assert errors == f"{SHOWN}\n{SHOWN}\n"


def test_cells_and_titles_of_tables_too(capsys):
    table = Table(NAME, title=NAME, box=None, pad_edge=False)
    table.add_row(NAME)
    console().print(table)
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [SHOWN, SHOWN, SHOWN]


@pytest.mark.parametrize(("error", "n_lines"), [(CellbenchError, 1), (ListingError, 2)])
def test_only_the_lines_of_a_list_are_lines(capsys, error, n_lines):
    @user_errors
    def program():
        raise error("one\n  two\x1b[2J")

    with pytest.raises(SystemExit):
        program()
    errors = capsys.readouterr().err
    assert len(errors.splitlines()) == n_lines
    assert r"two\x1b[2J" in errors


def test_names_of_folders_and_classes_are_escaped_in_listings(home, discs, capsys):
    import shutil

    from bench.datasets import list_datasets
    from bench.reporting.dataset_tables import print_card, print_classes
    from cellbench.patches import PatchSet

    path = home / "datasets" / "a\x1b[31m\n[red]b"
    shutil.copytree(discs.path, path)
    card = discs.card.model_copy(update={"classes": ["[/red]", "large\x1b[2J"], "unscored_classes": {NAME[:-2]: 3}})
    card.write(path / "card.yaml")
    list_datasets()
    output, _ = capsys.readouterr()
    assert r"a\x1b[31m\n[red]b" in output
    patch_set = PatchSet.open(path)
    patch_set.index["label"] = ["[/red]", "large\x1b[2J", NAME[:-2]] * 30
    print_card(patch_set)
    print_classes(patch_set)
    output, _ = capsys.readouterr()
    assert "\x1b" not in output
    assert [line.split()[0] for line in output.splitlines()][-3:] == ["[/red]", r"large\x1b[2J", SHOWN.split()[0]]
