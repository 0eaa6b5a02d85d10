"""A plain table of named things (importers, suppressions) that other packages can add to by entry points."""

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar

from cellbench.errors import NotFoundError, SettingError

T = TypeVar("T")


@dataclass(frozen=True)
class Record(Generic[T]):
    """One line of the table."""

    name: str
    thing: T
    description: str


class Registry(Generic[T]):
    """A table of things by name.

    A name used twice is an error; an unknown name answers with the nearest known ones. Entry points of
    installed packages are looked up at first use, and each is imported only when its name is asked for.

    Args:
        kind: What the things are called in messages, for example "importer".
        entry_points: Entry-point group through which other packages add things.

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

    def register(self, name: str, description: str) -> Callable[[T], T]:
        """Return a decorator that enters a class or function under `name`.

        Raises:
            SettingError: If the name is taken.
        """

        def enter(thing: T) -> T:
            if name in self._records:
                raise SettingError(f"The {self.kind} '{name}' is registered twice; give one of them another name.")
            self._records[name] = Record(name, thing, description)
            return thing

        return enter

    def get(self, name: str) -> T:
        """Return the thing of that name.

        Raises:
            NotFoundError: If there is none; the message names the nearest known ones.
            SettingError: If another package offers it and cannot be imported.
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
            if name not in self._records:  # the module may have registered it while it was imported
                lines = (getattr(thing, "__doc__", None) or "").strip().splitlines()
                self._records[name] = Record(name, thing, lines[0] if lines else f"from {entry.value}")
        return self._records[name]

    def _load(self, entry: EntryPoint) -> T:
        try:
            thing: T = entry.load()
        except Exception as error:
            package = entry.dist.name if entry.dist else entry.value
            raise SettingError(
                f"The {self.kind} '{entry.name}' of the package {package} cannot be imported ({error}); "
                "mend or uninstall that package."
            ) from error
        return thing

    def _foreign(self) -> dict[str, EntryPoint]:
        if self._entry_points is None:
            found: dict[str, EntryPoint] = {}
            for entry in entry_points(group=self._group) if self._group else ():
                if found.setdefault(entry.name, entry).value != entry.value:
                    raise SettingError(
                        f"The {self.kind} '{entry.name}' is offered by two packages ({found[entry.name].value} "
                        f"and {entry.value}); uninstall one of them."
                    )
            self._entry_points = found
        if twice := sorted(name for name in self._records if self._clashes(name)):
            raise SettingError(f"The {self.kind} '{twice[0]}' is registered twice; uninstall the package that adds it.")
        return self._entry_points

    def _clashes(self, name: str) -> bool:
        entry = (self._entry_points or {}).get(name)
        if entry is None:
            return False
        module = getattr(self._records[name].thing, "__module__", None)
        return module is not None and module.partition(".")[0] != entry.module.partition(".")[0]


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which known names are nearest to an unknown one, as the second half of a sentence.

    >>> nearest("pcb", ["bccd", "pbc"])
    "did you mean 'pbc'? Known: bccd, pbc."
    """
    names = list(known)
    if not names:
        return "none is known yet."
    matches = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    guess = f"did you mean {' or '.join(repr(match) for match in matches)}? " if matches else ""
    return f"{guess}{'Known' if matches else 'known'}: {', '.join(names)}."
