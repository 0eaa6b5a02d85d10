"""`auto` in a search space: a value that is estimated from the patches before the first trial."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from bench.space.domains import Choice, Constant, Point, Scalar
from bench.space.space import Space
from bench.terminal.formatting import rounded
from cellbench.errors import DataError, SettingError

if TYPE_CHECKING:
    from cellbench.patches import PatchSet
    from cellbench.radius import RadiusEstimate

AUTO = "auto"


def auto_names(method: str) -> dict[str, str]:
    """Return the hyperparameters that can be `auto`, each with its estimate: `r_max`, `r_hide` or `profile`."""
    from cellbench.suppression import SUPPRESSIONS

    fields = SUPPRESSIONS.get(method).Params.model_fields
    extras = {name: field.json_schema_extra for name, field in fields.items()}
    return {name: str(extra["auto"]) for name, extra in extras.items() if isinstance(extra, dict) and "auto" in extra}


def needs_estimate(spaces: Sequence[Space]) -> bool:
    """Return whether any hyperparameter of these spaces is `auto`."""
    return any(_is_auto(space, name) for space in spaces for name in auto_names(space.method))


def with_estimates(spaces: Sequence[Space], patch_set: "PatchSet") -> tuple[list[Space], "RadiusEstimate | None"]:
    """Return the spaces with an estimate in native px in place of each `auto`.

    The estimated `r_max` depends on the shape of the mask. If shapes are searched, the default shape is used.

    Args:
        spaces: Spaces in native px.
        patch_set: Data set whose patches the radius is estimated from.

    Returns:
        The spaces, and the radius estimate; None if no hyperparameter is `auto`.

    Raises:
        DataError: No radius can be estimated from the patches.
    """
    if not needs_estimate(spaces):
        return list(spaces), None
    from cellbench.radius import estimate_radius

    found = estimate_radius(patch_set)
    if not found.is_found:
        raise DataError(
            f"No radius can be estimated for {patch_set.card.name} ({found.doubts[0].rstrip('.').lower()}); "
            f"give {' and '.join(_typed(spaces))}."
        )
    native = patch_set.card.native_size
    return [with_values(space, lambda kind, shape: estimated(kind, shape, found, native)) for space in spaces], found


def estimated(kind: str, shape: str, found: "RadiusEstimate", native_size: int) -> Scalar:
    """Return the value of an estimate: a radius in native px, or a profile.

    Args:
        kind: `r_max`, `r_hide` or `profile`, as in `auto_names`.
        shape: Shape of the mask.
        found: The estimated cell radius.
        native_size: Side of a patch in px.
    """
    from cellbench.radius import recommended_r_hide, recommended_r_max

    if kind == "profile":
        return found.weight_text
    if kind == "r_hide":
        return rounded(recommended_r_hide(found.radius_px, native_size))
    return rounded(recommended_r_max(found.radius_px, shape, native_size).best)


def with_values(space: Space, read: Callable[[str, str], Scalar]) -> Space:
    """Return a space with a value in place of each `auto`.

    Args:
        space: A space in native px.
        read: Returns the value of an estimate, `r_max`, `r_hide` or `profile`, for a shape of the mask.
    """
    kinds = {name: kind for name, kind in auto_names(space.method).items() if _is_auto(space, name)}
    if not kinds:
        return space
    shape = str(space.complete({}).get("shape", "sqrt"))
    values = {name: read(kind, shape) for name, kind in kinds.items()}

    def point(given: Point) -> Point:
        return given | {name: value for name, value in values.items() if name in given}

    return Space(
        method=space.method,
        parameters={**space.parameters, **{name: Constant(value=value) for name, value in values.items()}},
        first=tuple(map(point, space.first)),
        grid=tuple(map(point, space.grid)),
        paper=space.paper,
        lengths=space.lengths,
    )


def _is_auto(space: Space, name: str) -> bool:
    domain = space.parameters.get(name)
    if isinstance(domain, Choice) and AUTO in domain.choices:
        raise SettingError(
            f"{space.method}: auto cannot be one of several choices; write {name}=auto alone, or numbers."
        )
    return isinstance(domain, Constant) and domain.value == AUTO


def _typed(spaces: Sequence[Space]) -> list[str]:
    """Return what to type in place of each `auto`."""
    found = {name: kind for space in spaces for name, kind in auto_names(space.method).items() if _is_auto(space, name)}
    values = {"profile": "'0:1 20:0.9 60:0'"}
    return [f"--set {name}={values.get(kind, 'PX')}" for name, kind in found.items()]
