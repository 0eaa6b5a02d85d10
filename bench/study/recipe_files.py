"""Recipes of trainings: one small YAML file each, checked, and made into jobs on a data set."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from bench.space.domains import Scalar
from bench.study.trainings import job_of, n_epochs, table_key
from cellbench.errors import DataError, NotFoundError, SettingError
from cellbench.training.configuration import DEFAULT_PROBE, TrainingSettings

if TYPE_CHECKING:
    from bench.space.space import Space
    from cellbench.patches import PatchSet
    from cellbench.trials.job import TrialJob

FOLDER = Path(__file__).with_name("recipes")
"""The recipes that come with the program."""


class Recipe(BaseModel):
    """A training without its data set and its seed.

    Attributes:
        method: Name of the suppression.
        parameters: Its hyperparameters, lr, beta and latent_dim. Lengths are in px of a 256 px patch, or `auto`.
        passes: Largest number of patches that the training sees; it runs whole epochs, at least one.
        settings: Settings of the training, as the network size. Those that are not given have their defaults; the
            probe is that of a new search.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: str
    parameters: dict[str, Scalar]
    passes: int = Field(ge=1, le=1_000_000_000)
    settings: TrainingSettings = TrainingSettings(probe=DEFAULT_PROBE)

    @field_validator("settings", mode="before")
    @classmethod
    def _has_the_probe_of_a_new_search(cls, settings: Any) -> Any:
        return {"probe": DEFAULT_PROBE, **settings} if isinstance(settings, dict) else settings

    @field_validator("settings")
    @classmethod
    def _leaves_the_rest_to_us(cls, settings: TrainingSettings) -> TrainingSettings:
        if found := sorted({"epochs", "threads"} & settings.model_fields_set):
            raise ValueError(f"{found[0]} cannot be set: epochs follow from passes, and a training has one thread")
        return settings


def read_recipes(folder: Path, only: Sequence[str] = ()) -> dict[str, Recipe]:
    """Return the recipes of a folder by name: by `only` in its order, else all in alphabetical order.

    Args:
        folder: Folder of the files `NAME.yaml`.
        only: Names of recipes; empty for all.

    Raises:
        NotFoundError: The folder has no recipes, or not one of this name.
        SettingError: A file is not a valid recipe.
    """
    from cellbench.registry import nearest

    known = sorted(path.stem for path in folder.glob("*.yaml"))
    if not known:
        raise NotFoundError(f"There are no recipes (NAME.yaml) in {folder}; name another folder with --recipes.")
    for name in only:
        if name not in known:
            raise NotFoundError(f"There is no recipe '{name}' in {folder}; {nearest(name, known)}")
    return {name: read_recipe(folder / f"{name}.yaml") for name in only or known}


def read_recipe(path: Path) -> Recipe:
    """Read and check one recipe.

    Raises:
        NotFoundError: Its method is unknown.
        SettingError: The file is not a valid recipe. The message names the file and the value.
    """
    from cellbench.input_files import MAX_YAML_BYTES, load_yaml, read_text
    from cellbench.suppression import SUPPRESSIONS
    from cellbench.validation import dotted, validated

    try:
        data = load_yaml(read_text(path, MAX_YAML_BYTES))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise SettingError(f"{path} cannot be read as a recipe ({reason}).") from None
    if not isinstance(data, dict):
        raise SettingError(f"{path} is not a recipe; it needs method, parameters and passes, as in {FOLDER}.")
    known = (*Recipe.model_fields, *TrainingSettings.model_fields)
    recipe = validated(Recipe, data, lambda place: f"{path}: {dotted(place)}", known)
    if recipe.method not in SUPPRESSIONS:
        from cellbench.registry import nearest

        raise NotFoundError(
            f"{path}: there is no method '{recipe.method}'; {nearest(recipe.method, SUPPRESSIONS.names())}"
        )
    return recipe


def recipe_jobs(
    patch_set: "PatchSet", recipes: Mapping[str, Recipe], seeds: int, folder: Path
) -> "dict[str, list[TrialJob]]":
    """Return the jobs of each recipe by its name, one for each seed from 0.

    Args:
        patch_set: The data set.
        recipes: Recipes by name.
        seeds: Number of seeds.
        folder: Parent of the folders of the trainings.

    Raises:
        DataError: A length is `auto`, and no radius can be estimated from the patches.
        SettingError: A recipe does not fit its method or the data set, or two recipes are the same training.
    """
    from bench.planning.training import check_networks

    found: dict[str, list[TrialJob]] = {}
    names: dict[str, str] = {}
    native = patch_set.card.native_size
    for (name, recipe), space in zip(recipes.items(), _native_spaces(patch_set, recipes), strict=True):
        if recipe.settings.network_size > native:
            raise SettingError(f"{name}: network_size must be at most {native} px, the side of the patches.")
        check_networks(recipe.settings)
        settings = recipe.settings.model_copy(update={"epochs": n_epochs(patch_set, recipe.passes), "threads": 1})
        configuration = space.configuration(space.complete({}))
        found[name] = []
        for seed in range(seeds):
            job = job_of(patch_set, configuration, settings, seed)
            key = table_key(job)
            if (other := names.setdefault(key, name)) != name:
                raise SettingError(f"The recipes {other} and {name} are the same training; remove one of them.")
            found[name].append(job.model_copy(update={"directory": folder / f"{name}-s{seed}-{key}"}))
    return found


def _native_spaces(patch_set: "PatchSet", recipes: Mapping[str, Recipe]) -> "Iterator[Space]":
    """Yield the hyperparameters of each recipe, checked, with lengths in native px and no `auto`."""
    from bench.space.domains import Constant
    from bench.space.estimates import estimated, needs_estimate, with_values
    from bench.space.limits import check_values
    from bench.space.space import Space
    from cellbench.radius import estimate_radius
    from cellbench.threads import use_threads

    card = patch_set.card
    spaces = {
        name: Space(
            method=recipe.method,
            parameters={parameter: Constant(value=value) for parameter, value in recipe.parameters.items()},
            grid=({},),
        ).scaled(card.native_size)
        for name, recipe in recipes.items()
    }
    automatic = [name for name, space in spaces.items() if needs_estimate([space])]
    if automatic:
        use_threads(1)  # estimates decide the numbers of the trainings, so they must not depend on the machine
        radius = estimate_radius(patch_set)
        if not radius.is_found:
            raise DataError(
                f"No radius can be estimated for {card.name}; write lengths in place of auto in {', '.join(automatic)}."
            )
        for name in automatic:
            spaces[name] = with_values(
                spaces[name], lambda kind, shape: estimated(kind, shape, radius, card.native_size)
            )
    for name, space in spaces.items():
        try:
            check_values(space, card.native_size, recipes[name].settings.network_size)
        except SettingError as error:
            raise SettingError(f"The recipe {name}: {error}") from None
        yield space
