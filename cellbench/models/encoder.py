"""Encoders: any timm network that ends in one feature vector per patch."""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from cellbench.errors import SettingError
from cellbench.models.small_maps import use_small_map_convolutions

NORMALISATIONS = (nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm)


class Encoder(nn.Module):
    """A timm network without its classifier, as a function of patches in 0–1.

    Args:
        name: Name of a timm model.
        size: Side of the patches in px.
        weights: A local safetensors file of weights for that model; None starts from scratch.
        channels: Channels of a patch; more than 3 where a network is told something beside the colours.

    Raises:
        SettingError: timm has no such model, it cannot take patches of this size, or the weights do not fit.
    """

    def __init__(self, name: str, size: int, weights: Path | None = None, channels: int = 3) -> None:
        super().__init__()
        self.backbone = _create(name, size, channels)
        if weights is not None:
            _load(self.backbone, name, weights)
        example = torch.zeros(1, channels, size, size)
        self.n_features = _n_features(self.backbone, name, example)
        use_small_map_convolutions(self.backbone, example)

    def forward(self, patches: Tensor) -> Tensor:
        """Return features of shape (B, n_features) for patches of shape (B, channels, size, size)."""
        features: Tensor = self.backbone((patches - 0.5) / 0.25)
        return features


def open_residual_branches(network: nn.Module) -> None:
    """Give every residual branch weight from the start.

    timm starts many networks with their branches multiplied by 0 (the weight of the last normalisation). Training opens
    them within a few steps; an untrained ResNet-18 would be its shortcuts alone, which see 36 of the 1 024 pixels of a
    32 px patch.
    """
    with torch.no_grad():
        for module in network.modules():
            weight = getattr(module, "weight", None)
            if isinstance(module, NORMALISATIONS) and weight is not None and not weight.any():
                weight.fill_(1.0)


def _create(name: str, size: int, channels: int) -> nn.Module:
    import timm

    if not timm.is_model(name):
        import difflib

        near = ", ".join(difflib.get_close_matches(name, timm.list_models(), n=3))
        way_out = f"the nearest are: {near}" if near else "`timm.list_models()` names all it has"
        raise SettingError(f"timm has no encoder {name!r}; {way_out}.")
    options = {"img_size": size} if timm.get_pretrained_cfg_value(name, "fixed_input_size") else {}
    model: nn.Module = timm.create_model(name, pretrained=False, num_classes=0, in_chans=channels, **options)
    return model


def _n_features(backbone: nn.Module, name: str, example: Tensor) -> int:
    training = backbone.training
    backbone.eval()
    try:
        with torch.no_grad():
            features = backbone(example)
    except (RuntimeError, AssertionError, ValueError) as error:
        raise SettingError(
            f"Encoder {name!r} cannot take patches of {example.shape[-1]} px ({error}); choose a larger --size."
        ) from None
    finally:
        backbone.train(training)
    if features.ndim != 2:
        raise SettingError(f"Encoder {name!r} gives features of shape {tuple(features.shape)}, not one vector a patch.")
    return int(features.shape[1])


def _load(backbone: nn.Module, name: str, path: Path) -> None:
    if not path.is_file():
        raise SettingError(f"There is no file of encoder weights at {path}.")
    try:
        state = load_file(path)
    except Exception as error:
        raise SettingError(f"{path} is not a safetensors file ({error}).") from None
    own = backbone.state_dict()
    # A classifier's weights may be in the file; we have no use for them.
    missing = [key for key in own if key not in state]
    unlike = [key for key in own if key in state and state[key].shape != own[key].shape]
    if missing or unlike:
        raise SettingError(
            f"{path} does not fit encoder {name!r}: {len(missing)} tensors missing, {len(unlike)} of another shape, "
            f"the first {(missing + unlike)[0]!r}."
        )
    backbone.load_state_dict({key: state[key] for key in own})
