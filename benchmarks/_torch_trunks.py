"""Published networks for scale 4 in PyTorch: SPAN and RLFN.

Both are written from the formulas of their papers, in their form for inference, and
read the published weights (kernels `[height, width, input, output]`).
"""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import load_file


def load(file, *, compiled: bool = False) -> Callable[[np.ndarray], np.ndarray]:
    """A function from RGB `[h, w, 3]` in [0, 1] to RGB `[4 h, 4 w, 3]`."""
    weights = {
        name: torch.from_numpy(np.ascontiguousarray(x.transpose(3, 2, 0, 1)))
        if x.ndim == 4
        else torch.from_numpy(x)
        for name, x in load_file(file).items()
    }
    network = _Span(weights) if "conv_cat/kernel" in weights else _Rlfn(weights)
    enlarge = torch.compile(network) if compiled else network

    @torch.no_grad()
    def upscale(image: np.ndarray) -> np.ndarray:
        batch = torch.from_numpy(image).permute(2, 0, 1)[None]
        return enlarge(batch)[0].permute(1, 2, 0).numpy()

    return upscale


class _Network:
    def __init__(self, weights: dict[str, torch.Tensor]):
        self.weights = weights
        names = (name.split(".")[0] for name in weights)
        self.blocks = len({name for name in names if name.startswith("block_")})

    def convolve(self, x: torch.Tensor, name: str, **options) -> torch.Tensor:
        kernel = self.weights[f"{name}/kernel"]
        options = {"padding": kernel.shape[-1] // 2, **options}
        return F.conv2d(x, kernel, self.weights[f"{name}/bias"], **options)


class _Span(_Network):
    """SPAN [Wan et al. 2024, arXiv:2311.12770]."""

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        mean = torch.tensor([0.4488, 0.4371, 0.4040]).reshape(3, 1, 1)
        first = b = self.convolve(255 * (image - mean), "conv_1")
        outputs = []
        for i in range(1, self.blocks + 1):
            o1 = F.silu(self.convolve(b, f"block_{i}.c1_r"))
            o2 = F.silu(self.convolve(o1, f"block_{i}.c2_r"))
            o3 = self.convolve(o2, f"block_{i}.c3_r")
            b = (o3 + b) * (torch.sigmoid(o3) - 0.5)
            outputs.append(b)
        last = self.convolve(b, "conv_2")
        features = torch.cat([first, last, outputs[0], o1], 1)
        colors = self.convolve(self.convolve(features, "conv_cat"), "upsampler.0")
        return F.pixel_shuffle(colors, 4)


class _Rlfn(_Network):
    """RLFN [Kong et al. 2022, arXiv:2205.07514]."""

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        first = x = self.convolve(255 * image, "conv_1")
        for i in range(1, self.blocks + 1):
            y = x
            for layer in ("c1_r", "c2_r", "c3_r"):
                y = F.leaky_relu(self.convolve(y, f"block_{i}.{layer}"), 0.05)
            x = self.attention(self.convolve(y + x, f"block_{i}.c5"), f"block_{i}.esa")
        features = self.convolve(x, "conv_2") + first
        return F.pixel_shuffle(self.convolve(features, "upsampler.0"), 4) / 255

    def attention(self, x: torch.Tensor, name: str) -> torch.Tensor:
        reduced = self.convolve(x, f"{name}.conv1")
        pooled = self.convolve(reduced, f"{name}.conv2", stride=2, padding=0)
        pooled = F.max_pool2d(pooled, 7, stride=3)
        pooled = self.convolve(pooled, f"{name}.conv3")
        size = x.shape[-2:]
        pooled = F.interpolate(pooled, size, mode="bilinear", align_corners=False)
        total = pooled + self.convolve(reduced, f"{name}.conv_f")
        return x * torch.sigmoid(self.convolve(total, f"{name}.conv4"))
