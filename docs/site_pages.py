"""MkDocs hook: pages of the site that are made from files outside docs/, so that nothing is copied.

- README, CONTRIBUTING, CHANGELOG, SECURITY and mlflow/README.md, with their links turned into links of the site;
- the reference of the command line, generated from the programs;
- the search spaces, as their YAML files are;
- a page of the Python API for each package of `cellbench`, from its docstrings.
"""

import ast
import os
import posixpath
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
    "mlflow/README.md": "tracking-server.md",
    "search_spaces": "reference/search-spaces.md",
}
"""Page of the site for each file of the repository that lies outside docs/."""

LINK = re.compile(r"(\]\()(?!\w+:|#|/)([^)#\s]+)")
"""A relative link or picture in Markdown; the second group is its path."""


DEFINITIONS = (ast.FunctionDef, ast.ClassDef)


def on_config(config: Any) -> Any:
    """Add the pages of the Python API to the navigation."""
    pages = [{name: page} for name, page in _api_pages().items()]
    for section in config.nav:
        for entry in section.get("Reference", []) if isinstance(section.get("Reference"), list) else []:
            if "Python API" in entry:
                entry["Python API"] = [entry["Python API"], *pages]
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the generated pages to the files of the site."""
    from mkdocs.structure.files import File

    made = {page: _included(source) for source, page in PAGES.items() if source.endswith(".md")}
    made["reference/command-line.md"] = _command_line()
    made["reference/search-spaces.md"] = _search_spaces()
    made["reference/api/index.md"] = _api_overview()
    made |= {page: f"# {package}\n\n{_api(package)}" for package, page in _api_pages().items()}
    for page, text in made.items():
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Turn links from a page of docs/ to files outside docs/ into links of the site."""
    if page.file.generated_by is not None:
        return markdown
    return _with_site_links(markdown, posixpath.join("docs", page.file.src_uri), page.file.src_uri)


def on_page_content(html: str, page: Any, config: Any, files: Any) -> str:
    """Keep short code, such as an option or a file name, on one line."""
    return re.sub(r"<code>(?=[^<\s]{1,28}</code>)", '<code class="one-line">', html)


def _included(source: str) -> str:
    """Return the text of a Markdown file of the repository with links as its page needs them."""
    return _with_site_links((ROOT / source).read_text(encoding="utf-8"), source, PAGES[source])


def _with_site_links(text: str, source: str, page: str) -> str:
    """Return Markdown whose relative links lead from a page of the site in place of a file of the repository.

    Args:
        text: The Markdown.
        source: Path of its file in the repository.
        page: Path of its page in the site.
    """

    def moved(found: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), found[2]))
        there = PAGES.get(target) or (target.removeprefix("docs/") if target.startswith("docs/") else None)
        if there is None:
            return found[0]  # MkDocs reports it: it leads to nothing in the site
        return found[1] + posixpath.relpath(there, posixpath.dirname(page) or ".")

    return LINK.sub(moved, text)


def _command_line() -> str:
    """Return the reference of all programs, as Typer writes it."""
    command = [sys.executable, "-m", "typer", "bench.cli", "utils", "docs", "--name", "cellbench"]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    text = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    note = "Each program is also a module: `cellbench search` is `python -m bench.search`."
    return text.replace("# `cellbench`", f"# Command line\n\n{note}", 1)


def _search_spaces() -> str:
    """Return a page with the YAML file of each method."""
    parts = ["# Search spaces\n\nEach method has one file in `search_spaces/`. Lengths are px of a 256 px patch.\n"]
    for path in sorted((ROOT / "search_spaces").glob("*.yaml")):
        parts.append(f"## {path.stem}\n\n```yaml\n{path.read_text(encoding='utf-8').rstrip()}\n```\n")
    return "\n".join(parts)


def _modules(package: str) -> list[str]:
    """Return a package of `cellbench` and the modules in it, also those of packages inside."""
    folder = ROOT / package.replace(".", "/")
    if not folder.is_dir():
        return [package]
    paths = sorted(path.relative_to(ROOT).with_suffix("") for path in folder.rglob("*.py"))
    names = [".".join(path.parts).removesuffix(".__init__") for path in paths]
    return [name for name in names if not name.rpartition(".")[2].startswith("_")]


def _api_pages() -> dict[str, str]:
    """Return the page for each package and each module directly in `cellbench`."""
    folders = [path.parent.name for path in sorted((ROOT / "cellbench").glob("*/__init__.py"))]
    files = [path.stem for path in sorted((ROOT / "cellbench").glob("*.py")) if not path.stem.startswith("_")]
    return {f"cellbench.{name}": f"reference/api/{name}.md" for name in [*folders, *files]}


def _api(package: str) -> str:
    """Return the instructions for mkdocstrings to document every module of a package.

    A name that `__init__.py` imports from a module is documented in that module alone.
    """
    parts = []
    for name in _modules(package):
        path = _path(name)
        own = [node.name for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, DEFINITIONS)]
        members = "".join(f"\n        - {each}" for each in own) if own else " false"
        limit = f"\n    options:\n      members:{members}" if path.name == "__init__.py" else ""
        parts.append(f"::: {name}{limit}")
    return "\n\n".join(parts)


def _path(name: str) -> Path:
    """Return the file of a package or module."""
    path = ROOT / name.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _summary(name: str) -> str:
    """Return the first line of the docstring of a package or module."""
    return (ast.get_docstring(ast.parse(_path(name).read_text(encoding="utf-8"))) or "").partition("\n")[0]


def _api_overview() -> str:
    """Return the page that lists the packages, each with the first line of its docstring."""
    lines = [f"| [`{name}`]({posixpath.basename(page)}) | {_summary(name)} |" for name, page in _api_pages().items()]
    text = "Everything here is plain PyTorch: `cellbench` imports neither Ray nor MLflow.\n\n"
    return f"# Python API\n\n{text}| package | what it contains |\n| --- | --- |\n" + "\n".join(lines) + "\n"
