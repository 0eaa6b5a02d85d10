"""A table of named entries (methods, importers, scores) that other packages extend through entry points."""

import difflib
import importlib
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Generic, TypeVar

from cellbench.errors import NotFoundError, SettingError, listing

T = TypeVar("T")


@dataclass(frozen=True)
class Record(Generic[T]):
    """One row of the table.

    Attributes:
        name: Name of the entry, unique in its registry.
        thing: The registered class, function or object.
        description: One line for listings.
    """

    name: str
    thing: T
    description: str


class Registry(Generic[T]):
    """A table of entries by name.

    A duplicate name is an error. An unknown name raises an error that lists the nearest known names. Entry points of
    installed packages are found at first use. Each is imported only when its name is requested.

    Args:
        kind: What messages call an entry, for example "importer".
        entry_points: Entry-point group through which other packages add entries.

    Example:
        >>> shapes: Registry[type] = Registry("shape")
        >>> @shapes.register("disc", "round")
        ... class Disc: ...
        >>> shapes.get("disc").__name__
        'Disc'
        >>> shapes.get("disk")
        Traceback (most recent call last):
        cellbench.errors.NotFoundError: There is no shape 'disk'; did you mean 'disc'? Known: disc.
    """

    def __init__(self, kind: str, entry_points: str | None = None) -> None:
        self.kind = kind
        self._group = entry_points
        self._records: dict[str, Record[T]] = {}
        self._entry_points: dict[str, EntryPoint] | None = None
        self._same: set[str] = set()  # names whose entry point is known to be what is registered

    def register(self, name: str, description: str) -> Callable[[T], T]:
        """Return a decorator that registers a class, function or object under `name`.

        Raises:
            SettingError: The name is already registered.
        """

        def enter(thing: T) -> T:
            if name in self._records:
                raise SettingError(f"The {self.kind} '{name}' is registered twice; rename one of them.")
            self._records[name] = Record(name, thing, description)
            return thing

        return enter

    def get(self, name: str) -> T:
        """Return the entry with this name.

        Raises:
            NotFoundError: The name is unknown. The message lists the nearest known names.
            SettingError: Another package provides the entry and cannot be imported.
        """
        return self._record(name).thing

    def names(self) -> list[str]:
        """Return all names, sorted."""
        return sorted({*self._records, *self._foreign()})

    def items(self) -> list[Record[T]]:
        """Return all records, sorted by name."""
        return [self._record(name) for name in self.names()]

    def __contains__(self, name: object) -> bool:
        return name in self._records or name in self._foreign()

    def _record(self, name: str) -> Record[T]:
        foreign = self._foreign()
        if name not in self._records:
            entry = foreign.get(name)
            if entry is None:
                raise NotFoundError(f"There is no {self.kind} '{name}'; {nearest(name, self.names())}")
            thing = self._load(entry)
            if name not in self._records:  # the module may have registered it during its import
                self._records[name] = Record(name, thing, _first_line(thing) or f"from {entry.value}")
        return self._records[name]

    def _load(self, entry: EntryPoint) -> T:
        try:
            thing: T = entry.load()
        except Exception as error:
            package = entry.dist.name if entry.dist else entry.value
            raise SettingError(
                f"The {self.kind} '{entry.name}' of the package {package} cannot be imported ({error}); "
                "repair or uninstall that package."
            ) from error
        return thing

    def _foreign(self) -> dict[str, EntryPoint]:
        if self._entry_points is None:
            found: dict[str, EntryPoint] = {}
            for entry in entry_points(group=self._group) if self._group else ():
                if found.setdefault(entry.name, entry).value != entry.value:
                    raise SettingError(
                        f"Two packages provide the {self.kind} '{entry.name}' ({found[entry.name].value} "
                        f"and {entry.value}); uninstall one of them."
                    )
            self._entry_points = found
        self._refuse_clashes(self._entry_points)
        return self._entry_points

    def _refuse_clashes(self, found: dict[str, EntryPoint]) -> None:
        """Refuse a registered name that an entry point gives to something else."""
        for name in sorted((self._records.keys() & found.keys()) - self._same):
            if self._load(found[name]) is not self._records[name].thing:
                raise SettingError(f"The {self.kind} '{name}' is registered twice; uninstall the package that adds it.")
            self._same.add(name)


def _first_line(thing: object) -> str:
    """Return the first line of the docstring of a class or function; an instance has only that of its class."""
    if not (inspect.isclass(thing) or inspect.isroutine(thing)):
        return ""
    return (inspect.getdoc(thing) or "").partition("\n")[0]


def module_names(folder: Path) -> list[str]:
    """Return the names of the modules in a folder, sorted. It imports none of them.

    Args:
        folder: Folder of a package. Files that start with `_` are excluded.
    """
    return sorted(path.stem for path in folder.glob("[!_]*.py"))


def import_modules(package: str, folder: Path) -> None:
    """Import every module of a package in alphabetical order, so that each registers its entries.

    A new file in the folder is found without another edit.

    Args:
        package: Dotted name of the package, `__name__` in its `__init__.py`.
        folder: Folder of the package.
    """
    for name in module_names(folder):
        importlib.import_module(f"{package}.{name}")


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the second half of a sentence that lists the known names nearest to an unknown one.

    >>> nearest("pcb", ["bccd", "pbc"])
    "did you mean 'pbc'? Known: bccd, pbc."
    """
    names = list(known)
    if not names:
        return "none is known yet."
    matches = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    guess = f"did you mean {' or '.join(repr(match) for match in matches)}? " if matches else ""
    return f"{guess}{'Known' if matches else 'known'}: {listing(names)}."
