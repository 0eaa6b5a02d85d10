"""The settings of a training from the typed options and the data set."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from bench.record.profiles import Profile, network_size
from bench.terminal.command_line import option_name
from cellbench.errors import SettingError
from cellbench.geometry import PAPER_SIZE
from cellbench.patches.card import Card
from cellbench.training.configuration import TrainingSettings
from cellbench.validation import validated

_OPTIONS = {"network_size": "--size"}
"""Options whose name is not that of their field."""


def training_settings(values: Mapping[str, Any]) -> TrainingSettings:
    """Return the settings of a training; the message for a bad value names its option.

    Args:
        values: Values by the fields of `TrainingSettings`.

    Raises:
        SettingError: A value is out of range.
    """
    return validated(TrainingSettings, values, lambda path: _OPTIONS.get(str(path[0]), option_name(str(path[0]))))


def check_networks(settings: TrainingSettings) -> None:
    """Check that the probe and the encoder exist, and that the encoder's weights fit.

    The default encoder needs no check, and timm is slow to import.

    Raises:
        NotFoundError: There is no such probe.
        CellbenchError: There is no such encoder, or the weights are not its weights.
    """
    from cellbench.probes import PROBES

    PROBES.get(settings.probe)
    if settings.encoder != "resnet18" or settings.encoder_weights is not None:
        from cellbench.models.encoder import Encoder

        Encoder(settings.encoder, settings.network_size, settings.encoder_weights)


def chosen_size(size: int | Literal["auto"], defaults: Profile, card: Card) -> int:
    """Return the network size in px.

    Args:
        size: The typed `--size`; `auto` follows from the profile and the typical cell radius.
        defaults: The profile.
        card: Card of the data set.

    Raises:
        SettingError: The size is below 16 px, or larger than the patches.
    """
    if size == "auto":
        return network_size(defaults, card.native_size, card.cell_radius_px)
    if not 16 <= size <= card.native_size:
        raise SettingError(f"--size must be auto or 16 to {card.native_size} px, the side of the patches; got {size}.")
    return size


def radii_px(typed: Sequence[float] | None, default: Sequence[float], native_size: int) -> list[float]:
    """Return radii in native px.

    Args:
        typed: The typed `--radii` in native px, or None.
        default: Radii to use where none are typed, in px of a 256 px patch.
        native_size: Side in px of the patches.

    Raises:
        SettingError: A radius is not above 0 px, or reaches beyond the corners of a patch.
    """
    if typed is None:
        return [radius * native_size / PAPER_SIZE for radius in default]
    corner = native_size / 2**0.5
    for radius in typed:
        if not 0 < radius <= corner:
            raise SettingError(
                f"--radii must be above 0 and below {corner:.0f} px, where the corners of a patch are; got {radius:g}."
            )
    return list(typed)
