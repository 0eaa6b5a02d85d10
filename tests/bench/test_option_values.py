"""Each option of each program with values that nobody can mean: refused in one sentence, before anything starts."""

import importlib
import sys

import pytest
import typer
from programs import Home
from typer.testing import CliRunner

LONG = "x" * 5000
VALUES = ("0", "-1", "nan", "inf", "1e308", "", LONG)
STARTS = {
    "bench.pipeline.run": ("run_pipeline", "connect_to_ray"),
    "ray": ("init",),
    "cellbench.floors": ("floor_context",),
    "cellbench.radius_conditioned": ("RadiusConditionedTrainer",),
    "cellbench.radius": ("estimate_radius",),
    "cellbench.radius.magnification": ("find_group_scales",),
    "cellbench.importers": ("import_patch_set",),
    "cellbench.patches.contact_sheet": ("write_contact_sheet",),
    "bench.tracking.client": ("connect",),
    "bench.home.datasets": ("remove_dataset",),
}
"""What a program calls once all of its options are checked."""
BASES = {
    "search": [
        "--method",
        "mask_fixed",
        "--dataset",
        "discs",
        "--size",
        "16",
        "--batch-size",
        "16",
        "--profile",
        "cpu",
    ],
    "datasets add": ["new", "images", "--from", "folder"],
    "datasets level": ["discs", "discs-level"],
    "datasets show": ["discs"],
    "datasets remove": ["discs", "--yes"],
    "floors": ["--dataset", "discs", "--size", "16"],
    "radius": ["discs"],
    "response": ["--dataset", "discs", "--size", "16", "--batch-size", "16", "--radii", "10"],
    "forecast": ["--patches-per-s", "100"],
    "reproduce": ["--dataset", "discs", "--size", "16", "--batch-size", "16", "--profile", "cpu"],
    "report": ["nothing"],
    "results": [],
    "status": [],
    "stop": ["nothing"],
    "classify": ["--search", "nothing"],
    "predict": ["images", "--model", "nothing", "--out", "cells.csv"],
    "ui": [],
}
"""Arguments with which each program gets to its start, or to a name that does not exist."""


PATHS_AND_TEXTS = {"csv", "sheet", "figure", "citation", "licence", "group_pattern", "label_pattern", "labels", "path"}
"""Files, and texts that may be anything; the programs check them where they use them."""
ACCEPTED = {
    "search": {("gpus_per_trial", "0"), ("kl_warmup", "0"), ("seed", "0"), ("stain_jitter", "0")}
    | {("name", value) for value in ("0", "1e308", "inf", "nan")},
    "reproduce": {("gpus_per_trial", "0"), ("seed", "0")} | {("name", value) for value in ("0", "1e308", "inf", "nan")},
    "datasets add": {("label_folder", "-1"), ("seed", "0"), ("class_order", ""), ("class_frequencies", "")}
    | {("name", value) for value in ("0", "1e308", "inf", "nan")},
    "floors": {("seed", "0")},
    "radius": {("seed", "0")},
    "response": {("fine_tune", "0"), ("seed", "0")},
    "forecast": {("scoring_s", "0")},
    "ui": {("search", value) for value in ("0", "1e308", "inf", "nan")},
}
"""The values that are valid, of all other options."""


class Started(Exception):
    """A program has checked its options and starts to work."""


def command_of(program):
    """Return the click command of a program."""
    name, _, sub = program.partition(" ")
    command = typer.main.get_command(importlib.import_module(f"bench.{name}").app)
    return command.commands[sub] if sub else command


def with_value(program, number, option, value):
    """Return the command line of a program with a value for one of its options or arguments."""
    words = list(BASES[program])
    if option.param_type_name == "argument":
        first = next((place for place, word in enumerate(words) if word.startswith("--")), len(words))
        values = words[:first] + [""] * (number + 1 - first)
        values[number] = value
        return [*words[first:], "--", *values]
    known = option.opts[-1]
    if known in words:
        place = words.index(known)
        del words[place : place + 2]
    return [*words, f"{known}={value}"]


@pytest.fixture
def outcome(tmp_path, discs, monkeypatch):
    """Return a function that runs a program until it starts to work, and returns `started`, its code, its text."""
    monkeypatch.setenv("CELLBENCH_HOME", str(Home(tmp_path / "home", discs).path))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.chdir(tmp_path)

    def start(*_args, **_settings):
        raise Started

    for module, names in STARTS.items():
        for name in names:
            monkeypatch.setattr(importlib.import_module(module), name, start)

    def run(program, words):
        name, *sub = program.split()
        found = CliRunner().invoke(importlib.import_module(f"bench.{name}").app, [*sub, *words])
        if isinstance(found.exception, Started):
            return "started", found.output
        assert found.exception is None or isinstance(found.exception, SystemExit), (words, found.exc_info)
        assert "Traceback" not in found.output
        return found.exit_code, found.output

    return run


@pytest.mark.parametrize("program", BASES)
def test_a_value_that_nobody_can_mean_is_refused_before_anything_starts(program, outcome):
    refused, accepted = 0, set()
    arguments = [each for each in command_of(program).params if each.param_type_name == "argument"]
    options = [each for each in command_of(program).params if not getattr(each, "is_flag", False)]
    for option in options:
        number = arguments.index(option) if option in arguments else 0
        for value in VALUES:
            code, text = outcome(program, with_value(program, number, option, value))
            if code == 2:
                refused += 1
                assert len(text) < 12_000, (option.name, text)
            else:
                assert code in ("started", 0), (option.name, value, text)
                accepted.add((option.name, "LONG" if value == LONG else value))
    assert {pair for pair in accepted if pair[0] not in PATHS_AND_TEXTS} == ACCEPTED.get(program, set())
    sys.stdout.write(f"{program}: {len(options)} options × {len(VALUES)} values, {refused} refused\n")  # pytest -s


@pytest.mark.parametrize(
    ("program", "words", "message"),
    [
        ("search", ["--epochs", "9" * 30], "--epochs must be less than or equal to 100000"),
        ("search", ["--trials", "100001"], "--trials must be less than or equal to 100000"),
        ("search", ["--batch-size", "60000"], "--batch-size must be at most "),
        ("search", ["--method", ","], "--method has an empty name"),
        ("search", ["--sampler", "grid", "--scheduler", "asha"], "--scheduler asha stops trials early"),
        ("search", ["--address", "host:70000"], "--address must be auto or HOST:PORT"),
        ("search", ["--set", "beta=-1"], "beta must be 0 or 1e-12 to 1000; got -1"),
        ("search", ["--set", "beta=1e308"], "beta must be 0 or 1e-12 to 1000"),
        ("search", ["--set", "r_max=1e-320..1e-310"], r"r_max must be 0.01 to 28.3 px"),
        ("search", ["--resume", "nothing", "--concurrent", "0"], "--concurrent must be auto or at least 1"),
        ("search", ["--resume", "nothing", "--gpus-per-trial", "-1"], "--gpus-per-trial must be auto, 0, or"),
        ("response", ["--csv", "."], "--csv . is a folder; name a file in it"),
        ("response", ["--csv", LONG], "--csv cannot be written (File name too long)"),
        ("response", ["--seed", str(2**64)], "--seed must be less than or equal to 1000000"),
        ("response", ["--batch-size", "60000"], "--batch-size must be at most "),
        ("floors", ["--seed", str(2**64)], "--seed must be less than or equal to 1000000"),
        ("datasets show", ["--n-per-class", "100000000"], "--n-per-class': Input should be less than or equal to 100"),
        ("results", ["--csv", "a.csv"], "--csv needs the name of a search"),
        ("stop", ["--wait", "nan"], "--wait': Input should be "),
    ],
)
def test_the_message_says_what_is_wrong(outcome, program, words, message):
    code, text = outcome(program, [*BASES[program], *words])
    assert code == 2
    assert message in text


@pytest.mark.parametrize(
    ("words", "remark"),
    [
        (["--set", "beta=5"], "--set beta: 5 is outside 0.0001 to 0.01, the usual range for mask_fixed."),
        (["--finalists", "9", "--trials", "2"], "--finalists 9 is more than the 2 trials that finalists come from."),
    ],
)
def test_an_unusual_value_is_accepted_with_a_remark(outcome, words, remark):
    code, text = outcome("search", [*BASES["search"], *words])
    assert code == "started"
    assert remark in text
