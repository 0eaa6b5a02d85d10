"""Help and errors have the same form in every program."""

import importlib
from typing import Annotated, Literal

import pytest
import typer
from pydantic import BaseModel, Field
from typer.testing import CliRunner

from bench.cli import PROGRAMS
from bench.terminal.command_line import Command, Option, checked, option_name, options_from
from bench.terminal.console import user_errors
from bench.terminal.parsing import FromDigits, Numbers, Seconds, WholeOrAuto
from cellbench.errors import SettingError

WIDTH = 120


def commands():
    """Return every program, and every command of a program that has several, by name."""
    found = {}
    for program in PROGRAMS:
        command = typer.main.get_command(importlib.import_module(f"bench.{program}").app)
        inner = getattr(command, "commands", None)
        found |= {f"{program} {name}": each for name, each in inner.items()} if inner else {program: command}
    return found


COMMANDS = commands()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_one_line_of_help_with_its_default(name):
    command = COMMANDS[name]
    assert isinstance(command, Command)
    for option in command.params:
        assert option.help, option.name
        assert "\n" not in option.help
        assert option.help.endswith("."), option.help
        assert option.required or "Default: " in option.help, option.help


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_an_option_takes_one_line_of_the_terminal(name, monkeypatch):
    monkeypatch.setattr("typer.rich_utils.MAX_WIDTH", WIDTH)
    program, *inner = name.split()
    shown = CliRunner().invoke(importlib.import_module(f"bench.{program}").app, [*inner, "--help"])
    assert shown.exit_code == 0
    rows = [line for line in shown.output.splitlines() if line.startswith("│")]
    assert len(rows) == len(COMMANDS[name].params) + 1, shown.output  # and --help


def test_the_options_of_a_search_fit_on_one_screen(monkeypatch):
    monkeypatch.setattr("typer.rich_utils.MAX_WIDTH", WIDTH)
    shown = CliRunner().invoke(importlib.import_module("bench.search").app, ["--help"]).output
    assert len(shown.splitlines()) <= 72
    order = ["--method", "--dataset", "--set", "--trials", "--profile", "--time-budget", "╭─ What"]
    places = [shown.index(f"{word} ") for word in order]
    assert places == sorted(places)
    panels = [line.split()[1] for line in shown.splitlines() if line.startswith("╭─")]
    assert panels == ["Arguments", "Options", "What", "Budget", "Training", "Machine", "Resume"]


class Meal(BaseModel):
    """A model with one option of each kind."""

    dishes: Annotated[list[str], Option("Dishes", is_argument=True)] = []
    guests: Annotated[int | None, Field(ge=1, le=12), Option("Number of guests", default="as invited")] = None
    drink: Annotated[Literal["tea", "coffee"], Option("Drink")] = "tea"
    courses: Annotated[Literal[1, 3] | None, FromDigits, Option("Courses")] = None
    duration: Annotated[Seconds | None, Option("Duration")] = None
    tables: Annotated[WholeOrAuto, Option("Tables")] = "auto"
    prices: Annotated[Numbers | None, Option("Prices")] = None
    music: Annotated[bool, Option("Play music", "Extras")] = True


@pytest.fixture
def run():
    app, served = typer.Typer(add_completion=False), []

    @app.command(cls=Command)
    @user_errors
    @options_from(Meal)
    def serve(meal: Meal) -> None:
        """Serve a meal."""
        served.append(meal)

    def start(*arguments):
        import bench.terminal.console as console

        console.error_console.cache_clear()
        return CliRunner().invoke(app, arguments), served

    return start


def test_a_program_gets_its_model_and_knows_what_was_typed(run):
    result, (meal,) = run("soup", "bread", "--guests", "4", "--no-music", "--courses", "3", "--duration", "1h30m",
                          "--tables", "2", "--prices", "1,2.5,1")  # fmt: skip
    assert result.exit_code == 0, result.output
    assert meal == Meal(
        dishes=["soup", "bread"], guests=4, music=False, courses=3, duration=5400, tables=2, prices=[1, 2.5]
    )
    assert "drink" not in meal.model_fields_set
    assert meal.drink == "tea"


def test_help_is_made_of_the_fields(run, monkeypatch):
    monkeypatch.setattr("typer.rich_utils.MAX_WIDTH", WIDTH)
    output = " ".join(run("--help")[0].output.split())
    assert "Number of guests, 1 to 12. Default: as invited." in output
    assert "--drink tea|coffee Drink. Default: tea." in output
    assert "--courses 1|3 Courses. Default: none." in output
    assert "--tables N|auto Tables. Default: auto." in output
    assert "--[no-]music Play music. Default: yes." in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--guests", "13"], "--guests must be less than or equal to 12; got '13'."),
        (["--guests", "all"], "--guests must be a valid integer, unable to parse string as an integer; got 'all'."),
        (["--drink", "milk"], "--drink must be 'tea' or 'coffee'; got 'milk'."),
        (["--courses", "2"], "--courses must be 1 or 3; got 2."),
        (["--courses", "two"], "--courses must be 1 or 3; got 'two'."),
        (
            ["--duration", "soon"],
            "--duration must be a duration such as 90s, 30m or 1h30m, at most 10000h; got 'soon'.",
        ),
        (["--tables", "²"], "--tables must be auto or a whole number; got '²'."),
        (["--prices", "1,x"], "--prices must be numbers separated by commas, for example 40,70,100; got '1,x'."),
        (["--guest", "1"], "There is no option --guest; did you mean --guests? See "),
        (["--drink"], "Option '--drink' requires an argument."),
    ],
)
def test_a_mistake_is_one_sentence_that_names_the_typed_option(run, arguments, message):
    result, served = run(*arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith(message)
    assert result.stderr.count("\n") == 1
    assert (result.stdout, served) == ("", [])


def test_values_are_checked_without_a_command_line():
    assert checked(Meal, {"guests": "2"}).guests == 2
    with pytest.raises(SettingError, match="--guests must be greater than or equal to 1; got '0'"):
        checked(Meal, {"guests": "0"})
    assert option_name("batch_size") == "--batch-size"


def test_a_field_without_an_option_is_an_error():
    class Empty(BaseModel):
        forgotten: int = 0

    with pytest.raises(TypeError, match="has no Option"):
        options_from(Empty)(print)


def test_an_unknown_program_is_answered_with_the_nearest():
    from bench.cli import app

    result = CliRunner().invoke(app, ["serch"])
    assert result.exit_code == 2
    assert "There is no program 'serch'; did you mean 'search'" in result.stderr


@pytest.mark.parametrize(
    ("program", "missing"), [("classify", "Missing option '--search'"), ("stop", "Missing argument 'search'")]
)
def test_a_missing_value_is_named(program, missing):
    result = CliRunner().invoke(importlib.import_module(f"bench.{program}").app, [])
    assert result.exit_code == 2
    assert missing in result.output
