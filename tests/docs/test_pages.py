"""All Markdown files: commands, options, links, pictures and paths in them exist."""

import importlib
import importlib.util
import re
import shlex
import unicodedata
from functools import cache

import pytest
import typer
from documents import ROOT, blocks, documents, inline_code, links, prose

from bench.cli import PROGRAMS

PAGES = documents()
PROGRAM = re.compile(r"python -m (bench(?:\.\w+)+)((?: [^`;&|#\n]*)?)")
OF_OTHERS = {
    "--include-dashboard": "ray start",
    "--max-worker-port": "ray start",
    "--min-worker-port": "ray start",
    "--node-ip-address": "ray start",
    "--node-manager-port": "ray start",
    "--num-cpus": "ray start",
    "--object-manager-port": "ray start",
    "--runtime-env-agent-port": "ray start",
    "--property": "systemd-run",
    "--help": "every program",
}
"""Options that are named in the text of a page and belong to programs of others."""


@cache
def command_of(module):
    """Return the command of a program, or None for a module without options of its own."""
    if importlib.util.find_spec(module) is None:
        return None
    app = getattr(importlib.import_module(module), "app", None)
    return None if app is None else typer.main.get_command(app)


def options_of(command):
    """Return the names of all options of a command, not those of its sub-commands."""
    return {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}


def used_commands(path):
    """Return (module, arguments) of all our programs that a page calls, in blocks and in its text."""
    texts = [block.text.replace("\\\n", " ") for block in blocks(path)] + inline_code(path)
    found = [(module, shlex.split(rest)) for text in texts for module, rest in PROGRAM.findall(text)]
    return [(module, arguments) for module, arguments in found if module != "bench.NAME"]


def anchors(path):
    """Return the anchors of a page's headings, as the site and GitHub make them."""
    found = set()
    for heading in re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE):
        plain = unicodedata.normalize("NFKD", heading.replace("`", "")).encode("ascii", "ignore").decode().lower()
        found.add(re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip()))
    return found


@pytest.mark.parametrize("path", PAGES)
def test_every_program_and_option_exists(path):
    for module, arguments in used_commands(path):
        assert importlib.util.find_spec(module), f"{path}: there is no {module}"
        command = command_of(module)
        if command is None:
            continue
        if arguments and arguments[0] in getattr(command, "commands", {}):
            command = command.commands[arguments[0]]
        used = {word.partition("=")[0] for word in arguments if word.startswith("--")}
        assert used <= options_of(command) | {"--help"}, f"{path}: {module}"


@pytest.mark.parametrize("path", [path for path in PAGES if path != "CHANGELOG.md"])  # which names options of the past
def test_every_option_in_the_text_belongs_to_a_program(path):
    commands = [command_of(f"bench.{name}") for name in PROGRAMS]
    commands += [sub for command in commands for sub in getattr(command, "commands", {}).values()]
    known = {name for command in commands for name in options_of(command)} | set(OF_OTHERS)
    for piece in inline_code(path):
        if not re.match(r"(python|ray|make|ssh|kill|systemd|sbatch|docker)\b", piece):
            assert set(re.findall(r"(?<![\w-])--[a-z][\w-]*", piece)) <= known, f"{path}: {piece}"


@pytest.mark.parametrize("path", PAGES)
def test_every_target_of_make_and_command_of_the_server_exists(path):
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    server = set(re.findall(r"^#   mlflow/serve \[?(\w+)", (ROOT / "mlflow" / "serve").read_text(), re.MULTILINE))
    assert {"search", "docs"} <= targets
    assert {"start", "backup"} <= server
    texts = [block.text for block in blocks(path) if block.language == "bash"] + inline_code(path)
    for text in texts:
        assert set(re.findall(r"^make ([a-z]+)", text, re.MULTILINE)) <= targets, text
        assert set(re.findall(r"^mlflow/serve ([a-z]+)", text, re.MULTILINE)) <= server, text


@pytest.mark.parametrize("path", PAGES)
def test_every_link_and_picture_leads_somewhere(path):
    for target, anchor in links(path):
        there = (ROOT / path).parent / target if target else ROOT / path
        assert there.exists(), f"{path}: {target}"
        if anchor:
            assert anchor in anchors(there.resolve().relative_to(ROOT).as_posix()), f"{path}: {target}#{anchor}"


@pytest.mark.parametrize("path", PAGES)
def test_every_path_of_the_repository_in_the_text_exists(path):
    for piece in inline_code(path):
        names = re.fullmatch(r"(tests|bench|cellbench|docs|search_spaces|mlflow|examples|\.ci)/[\w/.-]*", piece)
        if names and "NAME" not in piece and not piece.startswith("mlflow/serve"):
            beside = [ROOT / piece, ROOT / f"{piece}.py"]
            assert any(each.exists() for each in beside), f"{path}: {piece}"


@pytest.mark.parametrize("path", PAGES)
def test_lines_of_text_have_at_most_100_characters(path):
    lines = prose(path).splitlines()
    assert [line for line in lines if len(line) > 100 and not line.startswith(("|", "![", "#"))] == []


def test_the_readme_fits_two_screens_and_begins_with_the_two_commands():
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) <= 80
    assert any(line.startswith("make search") for line in lines[:8])
    assert any(line.startswith("make test") for line in lines[:8])
