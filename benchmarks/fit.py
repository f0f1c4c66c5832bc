"""How fast a SIREN is fitted, beside PyTorch on the same machine in the same run.

    python benchmarks/fit.py [step] [many] [quality] [time] [paper]

Camera 256x256, SIREN 256x3. `paper` takes 25 minutes, nearly all of it the paper's
recipe in PyTorch; `time` has our recipe on both sides.
"""

import sys
import time

import _common
import jax
import jax.numpy as jnp
import numpy as np

import inr
from inr.fields.sine import cosine, sine

MODEL = inr.Siren(features=1, width=256, depth=3)


def advised() -> inr.Siren:
    """The same with the first layer's omega read off the image's spectrum."""
    return MODEL.clone(omega=inr.suggest_omega(_common.camera()))


def step() -> dict:
    """One step of the same recipe on 65,536 points, and the rate of its products."""
    import _torch_siren as peer
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
    def take(state):
        def body(state, _):
            return inr.fit_step(key, state, MODEL, data)[0], None

        return jax.lax.scan(body, state, length=steps)[0]

    target = torch.from_numpy(2 * image.reshape(-1, 1) - 1)
    functions = {"inr": lambda: jax.block_until_ready(take(state))}
    for name in ("eager", "compiled"):
        net = peer.Siren()
        optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
        one = peer.make_step(
            net, optimizer, peer.grid(256, 256), target, compiled=name == "compiled"
        )
        functions[f"torch_{name}"] = lambda one=one: [one() for _ in range(steps)]
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
    """Of one step's products at 65,536 points: three a layer, forward, and the
    gradients of kernel and input, which the first layer does not need."""
    return 2 * 65536 * (3 * 3 * width * width + 2 * 2 * width + 3 * width)


def _product_rates(width: int) -> dict[str, float]:
    """FLOP/s of XLA and of PyTorch over the three products of a hidden layer."""
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
    image, model = _common.camera(), advised()
    start = time.perf_counter()
    result = inr.fit_image(jax.random.key(0), image, model=model, num_steps=500)
    seconds = time.perf_counter() - start
    rendered = inr.render(result.field, (256, 256))
    return {"psnr_500_steps": _common.psnr(rendered, image), "seconds": seconds}


def time_to(recipe: str = "ours", most_seconds: float = 600) -> dict:
    """Seconds to 35 and 40 dB, compilation included, beside a recipe in PyTorch."""
    import _torch_siren as peer
    import torch

    image, model = _common.camera(), advised()
    key, rows = jax.random.key(0), {"omega": model.omega}
    for level in (35, 40):
        jax.clear_caches()
        start = time.perf_counter()
        result = inr.fit_image(key, image, model=model, target_psnr=level)
        rows[f"inr_{level}"] = time.perf_counter() - start
        rows[f"inr_{level}_steps"] = int(result.num_steps)
        start = time.perf_counter()
        inr.fit_image(key, image, model=model, target_psnr=level)
        rows[f"inr_{level}_warm"] = time.perf_counter() - start
    target = torch.from_numpy(2 * image.reshape(-1, 1) - 1)
    torch.manual_seed(0)
    if recipe == "ours":
        net = peer.Siren(first_omega=model.omega)
        optimizer, schedule = peer.ours_in_torch(net, 500)
    else:
        net = peer.Siren()
        optimizer, schedule = torch.optim.Adam(net.parameters(), lr=1e-4), None
    one = peer.make_step(net, optimizer, peer.grid(256, 256), target, schedule)
    found, seconds, steps, last = peer.seconds_to((35, 40), one, most_seconds)
    for level in (35, 40):
        reached = found[level]
        rows[f"torch_{level}"] = reached[0] if reached else None
        rows[f"torch_{level}_steps"] = reached[1] if reached else None
        # Where time ran out the ratio is a lower bound.
        rows[f"over_torch_{level}"] = (reached[0] if reached else seconds) / rows[
            f"inr_{level}"
        ]
    rows["torch_end"] = (seconds, steps, last)
    return rows


def paper() -> dict:
    """The same beside the paper's recipe: Adam at 1e-4, omega 30."""
    return time_to("paper", 1500)


def many() -> dict:
    """64 fields of 32x32, SIREN 64x3, 100 steps: beside a loop and torch.bmm."""
    import _torch_siren as peer
    import torch

    steps, model = 100, inr.Siren(features=1, width=64, depth=3)
    blocks = _common.camera().reshape(8, 32, 8, 32, 1).swapaxes(1, 2).reshape(64, -1, 1)
    coords = inr.coords.grid((32, 32)).reshape(-1, 2)

    def ours():
        key = jax.random.key(0)
        return inr.fit_many(
            key, model, (coords, blocks), num_steps=steps, progress=False
        )

    points, targets = peer.grid(32, 32), torch.from_numpy(2 * blocks - 1)

    def run(net, target):
        optimizer, schedule = peer.ours_in_torch(net, steps, rate=4e-3)
        one = peer.make_step(net, optimizer, points, target, schedule)
        for _ in range(steps):
            loss = one()
        return loss.item()

    functions = {
        "inr": ours,
        "torch_bmm": lambda: run(peer.Siren(width=64, fields=64), targets),
        "torch_loop": lambda: [run(peer.Siren(width=64), t) for t in targets],
    }
    seconds = _common.paired(functions, repeats=3)
    final = ours().history[-1]
    # No step is faster than its products and its sines: one of each unit.
    rate = max(_product_rates(64).values())
    units = jnp.asarray(np.random.default_rng(2).normal(size=(65536, 4 * 64)), "f4")
    sines = jax.jit(lambda x: (sine(x), cosine(x)))
    each = _common.paired({"sines": lambda: jax.block_until_ready(sines(units))})
    return {
        **{f"{name}_s": s for name, s in seconds.items()},
        "products_gflops": rate / 1e9,
        "products_s": steps * _flops(64) / rate,
        "sines_s": steps * each["sines"],
        "over_bmm": seconds["torch_bmm"] / seconds["inr"],
        "over_loop": seconds["torch_loop"] / seconds["inr"],
        "inr_psnr": float(-10 * np.log10(final.mean())),
    }


PARTS = {
    "step": step,
    "quality": quality,
    "many": many,
    "time": time_to,
    "paper": paper,
}

if __name__ == "__main__":
    for part in sys.argv[1:] or PARTS:
        _common.save("fit", {part: PARTS[part]()})
