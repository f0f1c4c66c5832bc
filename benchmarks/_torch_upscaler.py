"""The upscaler in PyTorch, with the same weights."""

import numpy as np
import torch
import torch.nn.functional as F


class Upscaler:
    """A copy of an `inr.upscaling.Upscaler`, for images and integer scales."""

    def __init__(self, model, params):
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
        self.kernel = torch.tensor(np.array(head["coefficients"]["kernel"]))
        self.bias = torch.tensor(np.array(head["coefficients"]["bias"]))

    @torch.inference_mode()
    def __call__(self, image: np.ndarray, scale: int, rows: int = 64) -> np.ndarray:
        x = torch.from_numpy(image)
        features = self.encode(x)
        h = image.shape[0]
        cubic = F.interpolate(
            x.permute(2, 0, 1)[None], scale_factor=scale, mode="bicubic"
        )[0].permute(1, 2, 0)
        parts = [
            self.decode(features, scale, top, min(top + rows, h * scale))
            for top in range(0, h * scale, rows)
        ]
        return (cubic + torch.cat(parts)).numpy()

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

    def decode(self, features, scale, top, bottom):
        h, w = features.shape[:2]
        y = (torch.arange(top, bottom) + 0.5) / scale - 0.5
        x = (torch.arange(w * scale) + 0.5) / scale - 0.5
        w_y, w_x = self.frequencies.T
        damping = torch.sinc(w_y / scale / (2 * np.pi)) * torch.sinc(
            w_x / scale / (2 * np.pi)
        )
        result = 0
        for down in (0, 1):
            for right in (0, 1):
                i = y.floor() + down
                j = x.floor() + right
                weight = (1 - (y - i).abs())[:, None] * (1 - (x - j).abs())[None]
                i, j = i.clamp(0, h - 1).long(), j.clamp(0, w - 1).long()
                phase = (y - i)[:, None, None] * w_y + (x - j)[None, :, None] * w_x
                basis = torch.cat(
                    [
                        torch.ones_like(phase[..., :1]),
                        damping * phase.cos(),
                        damping * phase.sin(),
                    ],
                    -1,
                )
                coefficients = features[i[:, None], j[None]].unflatten(-1, (3, -1))
                values = (coefficients * basis[..., None, :]).sum(-1)
                result = result + weight[..., None] * values
        return result


def _convolution(weights):
    kernel = torch.tensor(np.array(weights["kernel"])).permute(3, 2, 0, 1)
    return kernel.contiguous(), torch.tensor(np.array(weights["bias"]))
