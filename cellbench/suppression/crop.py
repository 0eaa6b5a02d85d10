"""Random crops around the centre (the paper's section 3.3)."""

import math
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from cellbench.geometry import PAPER_SIZE
from cellbench.suppression import base
from cellbench.suppression.base import SUPPRESSIONS


def crop_offsets(n: int, sigma: float, generator: torch.Generator | None, device: torch.device | str) -> Tensor:
    """Return n shifts (dy, dx) in px, shape (n, 2), with angle U[0, 2π) and distance |N(0, sigma²)|.

    Args:
        n: Number of shifts.
        sigma: Scale of the distance in px.
        generator: Source of randomness, on `device`.
        device: Device of the result.
    """
    angle = torch.rand(n, generator=generator, device=device) * (2 * math.pi)
    distance = (torch.randn(n, generator=generator, device=device) * sigma).abs()
    return torch.stack((distance * angle.sin(), distance * angle.cos()), dim=1)


def crop_side(size: int, fraction: float) -> int:
    """Return the side of a crop: the fewest px that cover a fraction of a patch and leave equal margins.

    The centre of a crop then is the centre of its patch. With a margin of an odd number of px it would lie half a px
    beside it.

    Args:
        size: Side of the patch in px.
        fraction: Side of the crop as a fraction of that of the patch, up to 1.
    """
    side = math.ceil(size * fraction - 1e-9)
    return side + (size - side) % 2


def cut(patches: Tensor, size: int, offsets: Tensor) -> Tensor:
    """Return a square cut from each patch, shifted from the centre and clamped to the patch.

    Args:
        patches: Shape (B, C, H, H).
        size: Side of the square in px of these patches; as odd or even as H.
        offsets: Shift (dy, dx) of each square in px of these patches, shape (B, 2), rounded to whole px.

    Returns:
        Shape (B, C, size, size).

    Raises:
        ValueError: The margin has an odd number of px, so the square cannot be centred.
    """
    margin = patches.shape[-1] - size
    if margin % 2:
        raise ValueError(f"A square of {size} px has no place in the centre of {patches.shape[-1]} px.")
    corner = (margin // 2 + offsets.round()).long().clamp(0, margin)  # (B, 2)
    steps = torch.arange(size, device=patches.device)
    rows = (corner[:, 0, None] + steps)[:, :, None]  # (B, size, 1)
    columns = (corner[:, 1, None] + steps)[:, None, :]  # (B, 1, size)
    batch = torch.arange(len(patches), device=patches.device)[:, None, None]
    return patches.permute(0, 2, 3, 1)[batch, rows, columns].permute(0, 3, 1, 2)


class Crop(base.Suppression):
    """Trains on a randomly shifted crop of each patch. In evaluation the encoder sees the centre crop.

    Crops are cut from the native patch, or from a smaller copy in which the crop has the network size. The copy is
    faster to read and loses no detail. Margins are equal on all sides, so a crop can be up to 2 px larger than
    `fraction`, but is never smaller (`crop_side`). `offset_sigma=0` is a VAE on the centre crop.
    """

    is_random = True
    example_params: ClassVar[dict[str, Any]] = {"offset_sigma": 15.0}

    class Params(base.SuppressionParams):
        """Hyperparameters of the crops."""

        offset_sigma: float = Field(
            ..., ge=0, description="scale of the crop's shift from the centre", json_schema_extra={"unit": "px"}
        )
        crop_resize: bool = Field(
            True,
            description="resize the crop to the network size; false keeps the paper's scale and a smaller network",
            json_schema_extra={"unit": ""},
        )

    params: Params

    @property
    def source_size(self) -> int:
        """Side in px of the patches that `view` expects."""
        if not self.params.crop_resize:
            return self.network_size
        largest = math.floor(self.network_size / self.fraction + 1e-9)
        return min(self.native_size, largest - (largest - self.network_size) % 2)

    @property
    def view_size(self) -> int:
        """Side in px of the encoder's input and the decoder's output."""
        return self.network_size if self.params.crop_resize else crop_side(self.network_size, self.fraction)

    @property
    def window(self) -> float:
        """Side in native px of the centred square that a view covers in evaluation."""
        return crop_side(self.source_size, self.fraction) * self.native_size / self.source_size

    def view(self, patches: Tensor, generator: torch.Generator | None, training: bool) -> tuple[Tensor, Tensor]:
        """Return the crops as inputs and targets; see `Suppression.view`."""
        n, source = len(patches), patches.shape[-1]
        if training:
            sigma = self.params.offset_sigma * source / self.native_size
            offsets = crop_offsets(n, sigma, generator, patches.device)
        else:
            offsets = torch.zeros((n, 2), device=patches.device)
        crops = cut(patches, crop_side(source, self.fraction), offsets)
        if crops.shape[-1] != self.view_size:
            crops = functional.interpolate(crops, size=self.view_size, mode="bilinear", antialias=True)
        return crops, crops


@SUPPRESSIONS.register("crop_small", "random crops of about a third of the side")
class SmallCrop(Crop):
    """Crops of 88 of 256 px."""

    fraction = 88 / PAPER_SIZE


@SUPPRESSIONS.register("crop_medium", "random crops of about two thirds of the side")
class MediumCrop(Crop):
    """Crops of 172 of 256 px."""

    fraction = 172 / PAPER_SIZE
