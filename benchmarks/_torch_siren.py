"""A SIREN in PyTorch, initialized as in the code of the paper."""

import itertools
import math
import time

import numpy as np
import torch
from scipy import ndimage

THREADS = torch.get_num_threads()


class Siren(torch.nn.Module):
    """Layers sin(omega (x W + b)); with `fields=`, a batch of that many networks."""

    def __init__(
        self, features=1, width=256, depth=3, omega=30.0, first_omega=None, fields=None
    ):
        super().__init__()
        sizes = [2] + [width] * (depth + 1) + [features]
        lead = () if fields is None else (fields,)
        self.kernels, self.biases = torch.nn.ParameterList(), torch.nn.ParameterList()
        for n, m in itertools.pairwise(sizes):
            self.kernels.append(torch.nn.Parameter(torch.empty(*lead, n, m)))
            self.biases.append(torch.nn.Parameter(torch.empty(*lead, 1, m)))
        self.omega = omega
        self.reset()
        self.omegas = [omega if first_omega is None else first_omega] + [omega] * depth

    @torch.no_grad()
    def reset(self):
        """Draw all parameters anew."""
        for i, (kernel, bias) in enumerate(zip(self.kernels, self.biases, strict=True)):
            n = kernel.shape[-2]
            bound = 1 / n if i == 0 else math.sqrt(6 / n) / self.omega
            kernel.uniform_(-bound, bound)
            bias.uniform_(-(n**-0.5), n**-0.5)

    def forward(self, x):
        last = len(self.kernels) - 1
        for i, (kernel, bias) in enumerate(zip(self.kernels, self.biases, strict=True)):
            x = x @ kernel + bias
            if i < last:
                x = torch.sin(self.omegas[i] * x)
        return x


def grid(h, w):
    """Pixel centers `[h * w, 2]` in [-1, 1]."""
    y, x = ((2 * np.arange(n) + 1) / n - 1 for n in (h, w))
    mesh = np.meshgrid(y, x, indexing="ij")
    return torch.from_numpy(np.stack(mesh, -1).reshape(-1, 2).astype(np.float32))


def make_loss(model, coords, target, compiled=False):
    """Return a function without arguments: the loss, for targets in [-1, 1]."""

    def loss_of(coords, target):
        return torch.mean((model(coords) - target) ** 2)

    loss_of = torch.compile(loss_of) if compiled else loss_of
    return lambda: loss_of(coords, target)


def make_step(loss_of, optimizer, schedule=None):
    """Return a function that takes one step and returns the loss."""

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of()
        loss.backward()
        optimizer.step()
        if schedule is not None:
            schedule.step()
        return loss

    return step


def matching_optimizer(model, num_steps, rate=2e-3, warmup=10):
    """Return Adam and the learning-rate schedule of `inr.fit`."""
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)

    def factor(step):
        rise = min((step + 1) / warmup, 1.0)
        return rise * 0.5 * (1 + math.cos(math.pi * min(step / num_steps, 1.0)))

    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


def times_to(levels, image, omega, max_seconds, *, compiled, repeats):
    """Fit an image until each PSNR level, `repeats` times with one compilation.

    Args:
      levels: PSNR in dB.
      image: `[h, w, 1]` in [0, 1].
      omega: that of the first layer, with the recipe of `inr.fit`. None selects the
        recipe of the SIREN paper.
      max_seconds: duration after which a run stops.
      compiled: whether the loss is compiled; the first run includes the compilation.
      repeats: number of runs.

    Returns:
      For each run a dict of (seconds, steps) for each level, (None, None) for one that
      was not reached; and the seconds, the steps and the PSNR at the end.
    """
    torch._dynamo.reset()
    torch.manual_seed(0)
    model = Siren(first_omega=omega)
    target = torch.from_numpy(2 * image.reshape(-1, 1) - 1)
    loss = make_loss(model, grid(*image.shape[:2]), target, compiled)
    runs = []
    for _ in range(repeats):
        model.reset()
        if omega is None:
            step = make_step(loss, torch.optim.Adam(model.parameters(), lr=1e-4))
        else:
            step = make_step(loss, *matching_optimizer(model, 500))
        runs.append(_seconds_to(levels, step, max_seconds))
    return runs


def _seconds_to(levels, step, max_seconds):
    times = dict.fromkeys(levels, (None, None))
    start = time.perf_counter()
    for i in range(100_000):
        loss = step().item()
        seconds = time.perf_counter() - start
        psnr = -10 * math.log10(loss / 4)  # the target spans [-1, 1]
        for level in levels:
            if psnr >= level and times[level][0] is None:
                times[level] = (seconds, i)
        done = all(seconds is not None for seconds, _ in times.values())
        if done or seconds > max_seconds:
            break
    return times, [seconds, i, psnr]


def fit_continuous(image, omega, num_steps, *, batch_size=2048, rate=6e-4):
    """Fit by the default recipe of `inr.fit_image`, compiled.

    Returns:
      Seconds with compilation, and the PSNR of the means over the pixels.
    """
    torch._dynamo.reset()
    torch.manual_seed(0)
    h, w, _ = image.shape
    start = time.perf_counter()
    coefficients = 2 * image.astype(np.float64) - 1
    for axis in (0, 1):
        coefficients = ndimage.spline_filter1d(coefficients, 3, axis, mode="reflect")
    table = torch.from_numpy(coefficients.astype(np.float32))
    model = Siren(first_omega=omega)
    optimizer, schedule = matching_optimizer(model, num_steps, rate=rate)

    @torch.compile
    def loss_of(points):
        return torch.mean((model(points) - spline(table, points)) ** 2)

    for _ in range(num_steps):
        optimizer.zero_grad(set_to_none=True)
        loss_of(2 * torch.rand(batch_size, 2) - 1).backward()
        optimizer.step()
        schedule.step()
    seconds = time.perf_counter() - start
    with torch.no_grad():
        fine = model(grid(2 * h, 2 * w)).reshape(h, 2, w, 2, -1).mean((1, 3))
    error = np.clip((fine.numpy() + 1) / 2, 0, 1) - image
    return seconds, float(-10 * np.log10(np.square(error).mean()))


def fit_many(targets, points, *, psnr, num_steps, compiled, batched, rate=4e-3):
    """Fit SIRENs 64x3 until each has a PSNR, all at once (`torch.bmm`) or in a loop.

    Args:
      targets: `[fields, n, 1]` in [-1, 1].
      points: `[n, 2]`.
      psnr: level at which a field is done; its loss is computed in every step anyway.
      num_steps: steps after which the rate is 0; the number of steps is at most this.
      compiled: whether the loss is compiled.
      batched: whether all fields are one program, which ends with the last field.

    Returns:
      A function that runs the fits, and returns the steps of the slowest field.
    """
    groups = targets[None] if batched else targets
    model = Siren(width=64, fields=len(targets) if batched else None)
    limit = 4 * 10 ** (-psnr / 10)

    def losses_of(target):
        return torch.mean((model(points) - target) ** 2, (-2, -1))

    losses_of = torch.compile(losses_of) if compiled else losses_of

    def fit_group(target):
        model.reset()
        optimizer, schedule = matching_optimizer(model, num_steps, rate)
        for step in range(num_steps):  # noqa: B007, the number of steps is returned
            optimizer.zero_grad(set_to_none=True)
            losses = losses_of(target)
            if losses.max() <= limit:
                break
            # The gradient of a sum keeps the fields of a batch independent.
            losses.sum().backward()
            optimizer.step()
            schedule.step()
        return step

    return lambda: max(fit_group(target) for target in groups)


def spline(table, points):
    """Value of a quadratic spline with coefficients `[h, w, k]` at points `[n, 2]`."""
    size = torch.tensor(table.shape[:2])
    position = (points + 1) * size / 2 - 0.5
    nearest = torch.floor(position + 0.5)
    value = torch.zeros(len(points), table.shape[2])
    for offset in itertools.product((-1, 0, 1), repeat=2):
        index = nearest + torch.tensor(offset)
        s = torch.abs(position - index)
        weight = torch.where(s < 0.5, 0.75 - s**2, 0.5 * (1.5 - s) ** 2).prod(-1)
        y, x = torch.clamp(index.long(), min=torch.zeros(2, dtype=torch.long)).T
        y, x = y.clamp(max=table.shape[0] - 1), x.clamp(max=table.shape[1] - 1)
        value = value + weight[:, None] * table[y, x]
    return value
