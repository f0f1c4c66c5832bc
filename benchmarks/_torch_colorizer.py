"""The colorizer in PyTorch, with the same weights, and one step of its training."""

import numpy as np
import torch
import torch.nn.functional as F

_ACTIVATIONS = {"relu": torch.relu, "sine": torch.sin, "tanh": torch.tanh}


class Colorizer(torch.nn.Module):
    """A copy of an `inr.colorization.Colorizer` with a joint embedding."""

    def __init__(self, model, params):
        super().__init__()
        self.activations, self.strides = model.activations, {0: 2, 2: 2, 4: 2}
        self.omegas = (model.omega, *[model.hidden_omega] * 12, 1.0)
        tree = params["params"]
        flat = {k: v.get("conv", v) for k, v in tree.items()}
        self.kernels = torch.nn.ParameterDict({k: _kernel(v) for k, v in flat.items()})
        self.biases = torch.nn.ParameterDict(
            {k: torch.tensor(np.array(v["bias"])) for k, v in flat.items()}
        )

    def forward(self, light: torch.Tensor) -> torch.Tensor:
        """Map lightness `[n, 1, h, w]` to (a, b) / 128, `[n, 2, h / 2, w / 2]`."""
        vector = light
        for i in range(3):
            vector = torch.relu(self._convolve(f"embedding_{i}", vector, 2))
        last = self.kernels["embedding_3"], self.biases["embedding_3"]
        vector = vector.mean((2, 3)) @ last[0] + last[1]
        x = light
        for i in range(14):
            if i == 8:
                embedding = vector[:, :, None, None].expand(-1, -1, *x.shape[2:])
                x = torch.cat([x, embedding], 1)
            x = self._convolve(f"layer_{i}", x, self.strides.get(i, 1))
            factor = self.omegas[i] if self.activations[i] == "sine" else 1.0
            x = _ACTIVATIONS[self.activations[i]](factor * x)
            if i in (9, 10):
                x = F.interpolate(x, scale_factor=2, mode="nearest")
        return x

    def _convolve(self, name: str, x: torch.Tensor, stride: int) -> torch.Tensor:
        kernel = self.kernels[name]
        if kernel.shape[-1] == 3:
            # XLA's padding "SAME" puts an odd pixel at the end.
            x = F.pad(x, (0, 1, 0, 1) if stride == 2 else (1, 1, 1, 1))
        return F.conv2d(x, kernel, self.biases[name], stride=stride)


def _kernel(layer) -> torch.Tensor:
    kernel = torch.tensor(np.array(layer["kernel"]))
    return kernel.permute(3, 2, 0, 1).contiguous() if kernel.ndim == 4 else kernel


def make_step(
    model: Colorizer,
    light: np.ndarray,
    target: np.ndarray,
    rate: float,
    *,
    compiled: bool = False,
):
    """Return a function that takes one step of Adam, always on the same batch."""
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    light, target = (torch.tensor(x).permute(0, 3, 1, 2) for x in (light, target))

    def loss_of(light, target):
        return torch.square(model(light) - target).mean()

    loss_of = torch.compile(loss_of) if compiled else loss_of

    def step() -> float:
        optimizer.zero_grad()
        loss = loss_of(light, target)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step
