"""The command line of a program: options from a model, one form of help, one form of error.

A program whose options belong together has a pydantic model. Each field is written once, with its type, bounds,
default and an `Option`; `options_from` makes the command line of it. Every program has a `Command` (or is a `Group`
of them), which completes the help of each option and reports each mistake as one red sentence.
"""

import copy
import difflib
import functools
import gc
import inspect
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from bench.terminal.console import INTERRUPTED, USER_ERROR, machine_fault, print_error, replace_unencodable
from cellbench.validation import validated

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

M = TypeVar("M", bound="BaseModel")
R = TypeVar("R")


@dataclass(frozen=True)
class Option:
    """How a field of a model is typed on the command line.

    Attributes:
        help: What the option sets, with its unit, as a clause without a final period. The accepted range and the
            default follow it in `--help`.
        panel: Heading of its group in `--help`; None for the first group.
        default: The default in words, where the default of the field does not say it.
        metavar: Placeholder of the value in `--help`; by default it follows from the type.
        like: Field of another model that checks the value; its bounds and default are shown.
        is_argument: Whether the value is typed without a name.
    """

    help: str
    panel: str | None = None
    default: str | None = None
    metavar: str | None = None
    like: "FieldInfo | None" = None
    is_argument: bool = False


def option_name(field: str) -> str:
    """Return the option that a field is typed as.

    >>> option_name("batch_size")
    '--batch-size'
    """
    return "--" + field.replace("_", "-")


def option_of(field: "FieldInfo") -> Option:
    """Return how a field is typed.

    Raises:
        TypeError: The field has no `Option`.
    """
    found = next((item for item in field.metadata if isinstance(item, Option)), None)
    if found is None:
        raise TypeError(f"The field of type {field.annotation} has no Option.")
    return found


def checked(model: type[M], typed: Mapping[str, Any]) -> M:
    """Return the options of a program.

    Args:
        model: The model of the options.
        typed: The typed values by the names of the fields; the others get their defaults.

    Raises:
        SettingError: A value is wrong; the message names the option.
    """
    return validated(model, typed, lambda path: option_name(str(path[0])))


def options_from(model: type[M]) -> "Callable[[Callable[[M], R]], Callable[..., R]]":
    """Return a decorator that gives a program the fields of a model as its options.

    The program is called with the model. `model_fields_set` has the names of the options that were typed.

    Args:
        model: A model whose fields all have an `Option`.
    """

    def decorate(program: Callable[[M], R]) -> Callable[..., R]:
        @functools.wraps(program)
        def command(**typed: Any) -> R:
            return program(checked(model, {name: value for name, value in typed.items() if value is not None}))

        parameters = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_typer_type(name, field))
            for name, field in model.model_fields.items()
        ]
        # Typer reads the signature and the annotations, but `wraps` has set those of the program.
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {each.name: each.annotation for each in parameters}
        return command

    return decorate


def _typer_type(name: str, field: "FieldInfo") -> Any:
    """Return the type and option that Typer makes of a field. Values stay text; the model checks them."""
    option, members = option_of(field), _members(field.annotation)
    is_list = any(get_origin(member) is list for member in members)
    kind: Any = list[str] if is_list else bool if bool in members else str
    metavar = option.metavar or (None if option.is_argument else "" if kind is bool else _metavar(field.annotation))
    if option.is_argument:
        return Annotated[kind | None, typer.Argument(help=_help(option, field), metavar=metavar, show_default=False)]
    flag = option_name(name)
    declared = f"{flag}/{flag.replace('--', '--no-', 1)}" if kind is bool else flag
    return Annotated[
        kind | None,
        typer.Option(
            declared, help=_help(option, field), metavar=metavar, rich_help_panel=option.panel, show_default=False
        ),
    ]


def _members(annotation: Any) -> tuple[Any, ...]:
    """Return the types of a union, or the type itself."""
    return get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)


def _metavar(annotation: Any) -> str | None:
    names: list[str] = []
    for member in _members(annotation):
        plain = get_args(member)[0] if get_origin(member) is Annotated else member
        if plain is not member:
            names += filter(None, [_metavar(plain)])
        elif get_origin(plain) is Literal:
            names += map(str, get_args(plain))
        elif plain in _METAVARS:
            names.append(_METAVARS[plain])
    return "|".join(names) or None


_METAVARS: dict[Any, str] = {int: "N", float: "X", Path: "FILE", str: "TEXT"}


def _help(option: Option, field: "FieldInfo") -> str:
    parts = [option.help, *filter(None, [_bounds((option.like or field).metadata)])]
    default = option.default or _default(option.like.default if option.like else field.default)
    return f"{', '.join(parts)}. Default: {default}."


def _bounds(metadata: Iterable[Any]) -> str:
    """Return bounds in words: `1 to 5`, `at least 1`, `above 0`."""
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    found = {name: _number(getattr(item, name)) for item in metadata for name in words if hasattr(item, name)}
    if {"ge", "le"} <= set(found):
        return f"{found['ge']} to {found['le']}"
    return ", ".join(f"{words[name]} {value}" for name, value in found.items())


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _default(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value == []:
        return "none"
    return _number(value) if isinstance(value, float) else str(value)


class _PlainErrors:
    """Completes the help of each option, and reports what cannot be parsed as one red sentence."""

    def main(self, *args: Any, standalone_mode: bool = True, **settings: Any) -> Any:
        """Run the program; end the process with its exit code in standalone mode."""
        run: Callable[..., Any] = super().main  # type: ignore[misc]
        # After every 700 new objects Python looks for garbage, which takes a fifth of the time of imports.
        gc.set_threshold(20_000)
        replace_unencodable()
        if not standalone_mode:
            return run(*args, standalone_mode=False, **settings)
        try:
            code = run(*args, standalone_mode=False, **settings)
        except typer.TyperException as error:
            if sentence := _usage_sentence(error):
                print_error(sentence)
            raise SystemExit(USER_ERROR) from None
        except typer.Abort:
            raise SystemExit(INTERRUPTED) from None
        except (OSError, MemoryError, ImportError) as error:
            if (fault := machine_fault(error)) is None:
                raise
            print_error(fault)
            raise SystemExit(USER_ERROR) from None
        raise SystemExit(code if isinstance(code, int) else 0)


class Command(_PlainErrors, TyperCommand):
    """The command of a program."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        for option in self.params:
            if isinstance(option, TyperOption | TyperArgument) and option.help and not option.required:
                if "Default:" not in option.help:
                    option.help = f"{option.help.rstrip('.')}. Default: {_default(option.default)}."
                option.show_default = False

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help, with each flag and its negation as one: `--[no-]oracle`."""
        params, self.params = self.params, [_as_one_flag(option) for option in self.params]
        try:
            super().format_help(ctx, formatter)
        finally:
            self.params = params


class Group(_PlainErrors, TyperGroup):
    """A group of commands."""


def _as_one_flag(option: Any) -> Any:
    """Return a copy of a flag whose names are in one column, or the option itself."""
    if not option.secondary_opts:
        return option
    shown = copy.copy(option)
    shown.opts, shown.secondary_opts = [option.opts[0].replace("--", "--[no-]", 1)], []
    return shown


def _usage_sentence(error: Any) -> str:
    """Return what Typer found wrong as one sentence with the way out; empty if Typer has shown the help instead."""
    path = error.ctx.command_path if getattr(error, "ctx", None) else ""
    hint = f" See {path} --help." if path else ""
    if hasattr(error, "possibilities"):
        known = [name for option in error.ctx.command.params for name in (*option.opts, *option.secondary_opts)]
        near = difflib.get_close_matches(error.option_name, known, n=2, cutoff=0.75)
        guess = f"; did you mean {' or '.join(near)}?" if near else "."
        return f"There is no option {error.option_name}{guess}{hint}"
    reason = error.format_message().strip()
    return f"{reason.rstrip('.')}.{hint}" if reason else ""
