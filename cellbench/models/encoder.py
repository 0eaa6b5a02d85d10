"""Encoders: any timm network that returns one feature vector per patch."""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from cellbench.errors import SettingError
from cellbench.models.small_maps import use_small_map_convolutions

NORMALISATIONS = (nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm)


class Encoder(nn.Module):
    """A timm network without its classifier, on patches with values in 0–1.

    Args:
        name: Name of a timm model.
        size: Side of the patches in px.
        weights: Local safetensors file of weights for that model; None starts from random weights.
        channels: Channels of a patch; more than 3 where the input has more than the colours.

    Raises:
        SettingError: timm does not have the model, the model does not accept patches of this size, or the weights do
            not fit.
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
    """Set the weight of closed residual branches to 1, in place.

    timm initialises many networks with residual branches that are multiplied by 0 (the weight of the last
    normalisation). Training opens them within a few steps. An untrained ResNet-18 would consist of its shortcuts only,
    which see 36 of the 1024 pixels of a 32 px patch.
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
        way_out = f"the nearest are: {near}" if near else "`timm.list_models()` lists all"
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
            f"Encoder {name!r} does not accept patches of {example.shape[-1]} px ({error}); choose a larger --size."
        ) from None
    finally:
        backbone.train(training)
    if features.ndim != 2:
        raise SettingError(
            f"Encoder {name!r} returns features of shape {tuple(features.shape)}, not one vector per patch."
        )
    return int(features.shape[1])


def _load(backbone: nn.Module, name: str, path: Path) -> None:
    if not path.is_file():
        raise SettingError(f"There is no file of encoder weights at {path}.")
    try:
        state = load_file(path)
    except Exception as error:
        raise SettingError(f"{path} is not a safetensors file ({error}).") from None
    own = backbone.state_dict()
    # The file may also have the weights of a classifier; they are not used.
    missing = [key for key in own if key not in state]
    misshapen = [key for key in own if key in state and state[key].shape != own[key].shape]
    if missing or misshapen:
        raise SettingError(
            f"{path} does not fit encoder {name!r}: {len(missing)} tensors are missing, {len(misshapen)} have another "
            f"shape, the first is {(missing + misshapen)[0]!r}."
        )
    backbone.load_state_dict({key: state[key] for key in own})
