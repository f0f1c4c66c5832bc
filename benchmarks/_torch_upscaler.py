"""The upscaler in PyTorch, with the same weights."""

import numpy as np
import torch
import torch.nn.functional as F


class Upscaler:
    """A copy of an `inr.upscaling.Upscaler`, for images and integer scales.

    The algorithm is that of `inr` at integer scales: one matrix for each position
    within a pixel. Only the pixels at the border differ, and the kernel of the cubic
    interpolation, which has a = -3/4 in PyTorch.
    """

    def __init__(self, model, params, *, compiled: bool = False):
        self.blocks = model.blocks
        tree = params["params"]
        self.encoder = {
            k: _convolution(v)
            for k, v in tree["encoder"].items()
            if not k.startswith("block")
        }
        self.residual = [
            {
                name: _convolution(tree["encoder"][f"block_{i}"][name])
                for name in ("first", "second")
            }
            for i in range(self.blocks)
        ]
        head = tree["decoder"]
        self.frequencies = torch.tensor(np.array(head["frequencies"]))
        self.gain = torch.tensor(np.array(head["gain"])) if "gain" in head else None
        self.kernel = torch.tensor(np.array(head["coefficients"]["kernel"]))
        self.bias = torch.tensor(np.array(head["coefficients"]["bias"]))
        self.enlarge = torch.compile(self._enlarge) if compiled else self._enlarge

    @torch.no_grad()
    def __call__(self, image: np.ndarray, scale: int) -> np.ndarray:
        return self.enlarge(torch.from_numpy(image), scale).numpy()

    def _enlarge(self, x, scale):
        cubic = F.interpolate(
            x.permute(2, 0, 1)[None], scale_factor=scale, mode="bicubic"
        )[0].permute(1, 2, 0)
        return cubic + self.pixels(self.encode(x), scale)

    def encode(self, x):
        def convolve(x, weights):
            return F.conv2d(x, *weights, padding=1)

        first = convolve(x.permute(2, 0, 1)[None] - 0.5, self.encoder["input"])
        y = first
        for block in self.residual:
            z = convolve(F.relu(y), block["first"])
            y = y + convolve(F.relu(z), block["second"])
        y = first + convolve(F.relu(y), self.encoder["output"])
        return F.relu(y[0].permute(1, 2, 0)) @ self.kernel + self.bias

    def pixels(self, coefficients, scale):
        h, w = coefficients.shape[:2]
        image = coefficients.permute(2, 0, 1)[None]
        padded = F.pad(image, (1, 1, 1, 1), mode="replicate")[0].permute(1, 2, 0)
        parts = torch.einsum(
            "hwkj,abyxj->abhywxk", padded.unflatten(-1, (3, -1)), self.patterns(scale)
        )
        total = sum(
            parts[a, b, a : a + h, :, b : b + w] for a in range(3) for b in range(3)
        )
        return total.reshape(h * scale, w * scale, 3)

    def patterns(self, scale):
        """Weights times waves `[3, 3, scale, scale, 2 waves + 1]` by neighbor."""
        offsets = (torch.arange(scale) + 0.5) / scale - 0.5
        axis = offsets - torch.tensor([-1.0, 0.0, 1.0])[:, None]
        y, x = axis[:, None, :, None, None], axis[None, :, None, :, None]
        weight = (1 - y.abs()).clamp(min=0) * (1 - x.abs()).clamp(min=0)
        w_y, w_x = self.frequencies.T
        damping = torch.sinc(w_y / scale / (2 * np.pi))
        damping = damping * torch.sinc(w_x / scale / (2 * np.pi))
        constant = torch.ones(1)
        if self.gain is not None:
            gain = self.gain[min(scale, len(self.gain)) - 1]
            constant, damping = gain[:1], damping * gain[1:]
        phase = y * w_y + x * w_x
        constant = constant.expand(*phase.shape[:-1], 1)
        waves = [constant, damping * phase.cos(), damping * phase.sin()]
        return weight * torch.cat(waves, -1)


def _convolution(weights):
    kernel = torch.tensor(np.array(weights["kernel"])).permute(3, 2, 0, 1)
    return kernel.contiguous(), torch.tensor(np.array(weights["bias"]))
