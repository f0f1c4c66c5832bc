"""Speed and quality of fits of a SIREN, compared with PyTorch in the same run.

    python benchmarks/fit.py [step] [many] [quality] [default] [time] [paper]

The image is camera, 256x256; the SIREN is 256x3. `step`: one step. `many`: 64 small
fits to 40 dB. `quality`: PSNR after 500 steps on all pixels. `default`: seconds to 35
and 40 dB by the default recipe, by steps on all pixels, and by the default recipe in
PyTorch, compiled. `time`: the same for steps on all pixels here and in PyTorch, eager
and compiled, three runs in turns. `paper`: the same once, but PyTorch has the recipe of
the SIREN paper; it takes up to 75 minutes.
"""

import itertools
import statistics
import sys
import time
from collections.abc import Callable

import _common
import jax
import jax.numpy as jnp
import numpy as np

import inr

MODEL = inr.Siren(features=1, width=256, depth=3)

# Steps on all pixels, the default of version 0.1.
FULL_BATCHES = {"points": "pixels", "batch_size": None, "num_steps": 500}

LEVELS = (35, 40)
BUDGETS = (300, 400, 500, 600, 800, 1000, 1300, 1600, 2000)
"""Numbers of steps among which `default` looks for the first that reaches a level."""


def model_for_camera() -> inr.Siren:
    """`MODEL` with the omega that `suggest_omega` reads off the image's spectrum."""
    return MODEL.clone(omega=inr.suggest_omega(_common.camera()))


def step() -> dict:
    """One step of the same recipe on 65,536 points, and the rate of its operations.

    A call of this library runs three steps in one program; a call in PyTorch runs three
    steps one after another.
    """
    import _torch_siren
    import torch

    image = _common.camera()
    data = (
        inr.coords.grid((256, 256)).reshape(-1, 2),
        jnp.asarray(image.reshape(-1, 1)),
    )
    key = jax.random.key(0)
    state = inr.init_fit(key, MODEL, data)
    steps = 3

    @jax.jit
    def run(state):
        def body(state, _):
            return inr.fit_step(key, state, MODEL, data)[0], None

        return jax.lax.scan(body, state, length=steps)[0]

    target = torch.from_numpy(2 * image.reshape(-1, 1) - 1)
    functions = {"inr": lambda: jax.block_until_ready(run(state))}
    for name in ("eager", "compiled"):
        net = _torch_siren.Siren()
        optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
        coords, compiled = _torch_siren.grid(256, 256), name == "compiled"
        loss = _torch_siren.make_loss(net, coords, target, compiled=compiled)
        torch_step = _torch_siren.make_step(loss, optimizer)
        functions[f"torch_{name}"] = lambda f=torch_step: [f() for _ in range(steps)]
    seconds = {name: s / steps for name, s in _common.paired(functions).items()}
    rates = _product_rates(256)
    rate = _flops(256) / seconds["inr"]
    return {
        **{f"{name}_ms": 1e3 * s for name, s in seconds.items()},
        "over_eager": seconds["torch_eager"] / seconds["inr"],
        "over_compiled": seconds["torch_compiled"] / seconds["inr"],
        **{f"{name}_gflops": r / 1e9 for name, r in rates.items()},
        "step_gflops": rate / 1e9,
        "of_matmul_rate": rate / max(rates.values()),
    }


def _flops(width: int) -> int:
    """Operations of the matrix products of one step at 65,536 points.

    Each layer has three products: forward, the gradient of the kernel, and the gradient
    of the input, which the first layer does not need.
    """
    return 2 * 65536 * (3 * 3 * width * width + 2 * 2 * width + 3 * width)


def _product_rates(width: int) -> dict[str, float]:
    """Return FLOP/s of XLA and of PyTorch for the three products of a hidden layer."""
    import torch

    h = np.random.default_rng(0).normal(size=(65536, width)).astype(np.float32)
    w = np.random.default_rng(1).normal(size=(width, width)).astype(np.float32)
    products = jax.jit(lambda h, w: (h @ w, h.T @ h, h @ w.T))
    hj, wj = jnp.asarray(h), jnp.asarray(w)
    ht, wt = torch.from_numpy(h), torch.from_numpy(w)
    seconds = _common.paired(
        {
            "xla": lambda: jax.block_until_ready(products(hj, wj)),
            "torch": lambda: (ht @ wt, ht.T @ ht, ht @ wt.T),
        }
    )
    return {name: 3 * 2 * 65536 * width**2 / s for name, s in seconds.items()}


def quality() -> dict:
    """PSNR after 500 steps."""
    image, model = _common.camera(), model_for_camera()
    start = time.perf_counter()
    result = inr.fit_image(jax.random.key(0), image, model=model, **FULL_BATCHES)
    seconds = time.perf_counter() - start
    rendered = inr.render(result.field, (256, 256))
    return {"psnr_500_steps": _common.psnr(rendered, image), "seconds": seconds}


def default() -> dict:
    """Seconds of fits to 35 and 40 dB, with compilation.

    The learning rate decays over the steps of a fit, so a level has the time of the fit
    with the fewest steps that reaches it. Scores of the default recipe are those of the
    means over the pixels, which it fits; those of full batches, of the pixel centers.
    """
    import _torch_siren

    image, model, key = _common.camera(), model_for_camera(), jax.random.key(0)
    rows = {}
    for level in LEVELS:
        jax.clear_caches()
        options = {**FULL_BATCHES, "target_psnr": level, "progress": False}
        start = time.perf_counter()
        result = inr.fit_image(key, image, model=model, **options)
        rows[f"full_batches_{level}_s"] = time.perf_counter() - start
        rows[f"full_batches_{level}_steps"] = result.num_steps

    def fit(num_steps: int) -> tuple[float, float]:
        jax.clear_caches()
        options = {"num_steps": num_steps, "progress": False}
        start = time.perf_counter()
        field = inr.fit_image(key, image, model=model, **options).field
        seconds = time.perf_counter() - start
        means = inr.render(field, (256, 256), antialias=2, progress=False)
        return seconds, _common.psnr(means, image)

    rows |= _first_to_reach("default", fit)
    rows |= _first_to_reach(
        "torch_compiled",
        lambda num_steps: _torch_siren.fit_continuous(image, model.omega, num_steps),
    )
    for level in LEVELS:
        for peer in ("full_batches", "torch_compiled"):
            if f"{peer}_{level}_s" in rows and f"default_{level}_s" in rows:
                ratio = rows[f"{peer}_{level}_s"] / rows[f"default_{level}_s"]
                rows[f"over_{peer}_{level}"] = ratio
    return rows


def _first_to_reach(name: str, fit: Callable[[int], tuple[float, float]]) -> dict:
    """Seconds and steps of the shortest fit that reaches each level."""
    rows, levels = {}, list(LEVELS)
    for num_steps in BUDGETS:
        seconds, psnr = fit(num_steps)
        print(f"{name}: {num_steps} steps, {seconds:.1f} s, {psnr:.2f} dB", flush=True)
        while levels and psnr >= levels[0]:
            level = levels.pop(0)
            rows |= {f"{name}_{level}_s": seconds, f"{name}_{level}_steps": num_steps}
        if not levels:
            break
    return rows


def time_to(recipe: str = "inr", max_seconds: float = 600, repeats: int = 3) -> dict:
    """Seconds to 35 and 40 dB, compared with PyTorch eager and compiled, in turns.

    Medians. The times of `inr` and of compiled PyTorch include compilation; keys that
    end with `warm` have the times of a second run. A level that was not reached has no
    ratio.
    """
    omega = model_for_camera().omega
    runs = [_times_once(recipe, omega, max_seconds) for _ in range(repeats)]
    row = {"omega": omega, "repeats": repeats}
    for key in runs[0]:
        values = [run[key] for run in runs if run[key] is not None]
        row[key] = statistics.median_low(values) if len(values) == repeats else None
    for level in LEVELS:
        for kind in (f"eager_{level}", f"compiled_{level}", f"compiled_{level}_warm"):
            if row[f"torch_{kind}"] is not None:
                ours = row[f"inr_{kind.partition('_')[2]}"]
                row[f"over_torch_{kind}"] = row[f"torch_{kind}"] / ours
    return row


def _times_once(recipe: str, omega: float, max_seconds: float) -> dict:
    """Seconds and steps to each level, once for each library."""
    import _torch_siren

    image, key, row = _common.camera(), jax.random.key(0), {}
    model = MODEL.clone(omega=omega)
    for level in LEVELS:
        jax.clear_caches()
        options = {**FULL_BATCHES, "target_psnr": level, "progress": False}
        for suffix in ("", "_warm"):
            start = time.perf_counter()
            result = inr.fit_image(key, image, model=model, **options)
            row[f"inr_{level}{suffix}"] = time.perf_counter() - start
        row[f"inr_{level}_steps"] = int(result.num_steps)
    for kind, suffixes in {"eager": ("",), "compiled": ("", "_warm")}.items():
        runs = _torch_siren.times_to(
            LEVELS,
            image,
            omega if recipe == "inr" else None,
            max_seconds,
            compiled=kind == "compiled",
            repeats=len(suffixes),
        )
        for suffix, (times, end) in zip(suffixes, runs, strict=True):
            for level, (seconds, steps) in times.items():
                row[f"torch_{kind}_{level}{suffix}"] = seconds
                row[f"torch_{kind}_{level}_steps"] = steps
            row[f"torch_{kind}_end"] = end
    return row


def paper() -> dict:
    """`time_to` with the SIREN paper's recipe in PyTorch: Adam at 1e-4, omega 30.

    One run, of at most 25 minutes for each of eager, compiled, and compiled warm.
    """
    return time_to("paper", 1500, repeats=1)


def many(psnr: float = 40.0) -> dict:
    """64 fields of 32x32, SIREN 64x3, until each has a PSNR, without compilation.

    `fit_many` has its defaults; PyTorch has the same recipe, with torch.bmm of all
    fields and in a loop, eager and compiled. Medians of calls in turns, each from other
    weights. A field that misses the PSNR ends after 500 steps.
    """
    import _torch_siren
    import torch

    model = inr.Siren(features=1, width=64, depth=3)
    blocks = _common.camera().reshape(8, 32, 8, 32, 1).swapaxes(1, 2).reshape(64, -1, 1)
    coords = inr.coords.grid((32, 32)).reshape(-1, 2)
    options = {"target_loss": 10 ** (-psnr / 10), "progress": False}
    keys, missed = itertools.count(), []

    def fit_all() -> int:
        signals = (coords, blocks)
        result = inr.fit_many(jax.random.key(next(keys)), model, signals, **options)
        missed.append(sum(x != "target reached" for x in result.status))
        return int(result.num_steps.max())

    targets, points = torch.from_numpy(2 * blocks - 1), _torch_siren.grid(32, 32)
    torch.manual_seed(0)
    functions = {"inr": fit_all}
    for name in ("bmm", "loop"):
        for kind in ("eager", "compiled"):
            functions[f"torch_{name}_{kind}"] = _torch_siren.fit_many(
                targets,
                points,
                psnr=psnr,
                num_steps=500,
                compiled=kind == "compiled",
                batched=name == "bmm",
            )
    steps = {name: function() for name, function in functions.items()}
    repeats = 5
    seconds = _common.paired(functions, repeats=repeats)
    row = {"psnr": psnr, "repeats": repeats, "inr_steps": steps["inr"]}
    row |= {"inr_calls": len(missed), "inr_missed": sum(missed)}
    row |= {f"torch_{x}_steps": steps[f"torch_{x}_eager"] for x in ("bmm", "loop")}
    row |= {f"{name}_s": s for name, s in seconds.items()}
    for name in list(seconds)[1:]:
        row[f"over_{name}"] = seconds[name] / seconds["inr"]
    return row


PARTS = {
    "step": step,
    "quality": quality,
    "many": many,
    "default": default,
    "time": time_to,
    "paper": paper,
}

if __name__ == "__main__":
    for part in sys.argv[1:] or PARTS:
        _common.save("fit", {part: PARTS[part]()})
