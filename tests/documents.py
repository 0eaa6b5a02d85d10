"""The code blocks, commands and links of the project's Markdown files."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
OUTSIDE = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "mlflow/README.md")
"""Markdown files outside docs/."""


@dataclass(frozen=True)
class Block:
    """A fenced code block.

    Attributes:
        path: File that it is in, relative to the repository.
        line: Number of its first line of code, from 1.
        language: Word after the fence; empty where there is none.
        text: The code.
    """

    path: str
    line: int
    language: str
    text: str

    def commands(self):
        """Return the commands of a shell block as (place, words without comments)."""
        found = []
        joined = self.text.replace("\\\n", "  ")
        for offset, line in enumerate(joined.splitlines()):
            if words := shlex.split(line, comments=True):
                found.append((f"{self.path}:{self.line + offset}", words))
        return found


def documents():
    """Return the paths of all Markdown files, relative to the repository."""
    inside = [path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "docs").rglob("*.md"))]
    return [*OUTSIDE, *inside]


def blocks(path):
    """Return the fenced code blocks of a Markdown file."""
    found, code, start, language = [], [], 0, ""
    for number, line in enumerate((ROOT / path).read_text(encoding="utf-8").splitlines(), 1):
        fence = re.fullmatch(r"```(\w*)", line)
        if fence and not start:
            start, language, code = number + 1, fence[1], []
        elif fence:
            found.append(Block(path, start, language, "\n".join(code)))
            start = 0
        elif start:
            code.append(line)
    assert not start, f"{path}: the block in line {start - 1} does not end"
    return found


def prose(path):
    """Return a Markdown file without its code blocks."""
    return re.sub(r"^```.*?^```$", "", (ROOT / path).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def inline_code(path):
    """Return the pieces of code within the text of a Markdown file."""
    return [piece.replace("\n", " ") for piece in re.findall(r"`([^`]+)`", prose(path))]


def links(path):
    """Return the relative links and pictures of a Markdown file as (path, anchor)."""
    found = re.findall(r"\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]+))?\)", prose(path))
    return [(target, anchor) for target, anchor in found if target or anchor]
