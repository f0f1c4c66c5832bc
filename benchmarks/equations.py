"""Two equations solved by small SIRENs: error and time of two optimizers.

    python benchmarks/equations.py [helmholtz] [wave] [medium]

`helmholtz`: a source in open space, k = 10, in a square 3.2 wavelengths wide; the
relative L2 error is against the Hankel function, half a wavelength or more from the
source. `wave`: a Gaussian pulse of standard deviation 0.2 in a box, until time 1.2; the
relative L2 error is that at the end, against the sine series. Both optimizers have the
same terms, model and initialization, for three seeds in turns; the rows have medians.
Adam gets as many steps as should take the time of least squares; its rate warms up, and
decays along a cosine to the end of its steps. Both are compiled before.
`medium`: the Helmholtz equation with a lens, compared with sparse finite differences of
400 points a side; its time includes compilation.
"""

import functools
import statistics
import sys
import time

import _common
import jax
import jax.numpy as jnp
import numpy as np

import inr
from inr.commands._solutions import inner_points, point_source, pulse, standing_waves
from inr.signals import fit_helmholtz, fit_wave, helmholtz_terms, wave_terms

K, DURATION = 10.0, 1.2
HELMHOLTZ = inr.Siren(features=2, width=32, depth=2, omega=1.5 * (K + 2 * np.pi))
WAVE = inr.Siren(features=1, width=40, depth=1, omega=4.5 / 0.2)
STEPS = 80
SEEDS = 3
# Learning rate of Adam, as a factor of the family's default.
RATE_FACTOR = 0.3


def main() -> None:
    for part in sys.argv[1:] or ("helmholtz", "wave", "medium"):
        if part == "medium":
            _common.save("equations", {"medium": medium()})
        else:
            compare(part, *PARTS[part])


def compare(part: str, solve, terms, model, error) -> None:
    runs = {"least_squares": [], "adam": []}
    for seed in range(SEEDS):
        for name, row in _compare_once(
            jax.random.key(seed), solve, terms, model, error
        ):
            runs[name].append(row)
    rows = {f"{part}_{name}": _medians(rows) for name, rows in runs.items()}
    _common.save("equations", rows)


def _compare_once(key, solve, terms, model, error) -> list[tuple[str, dict]]:
    """Rows of least squares and of Adam, of one seed."""
    quiet = {"progress": False}
    # The target is reached before the first step: these are the initial parameters.
    initial = solve(key, num_steps=1, target_loss=np.inf, **quiet).params
    solve(key, num_steps=2, **quiet)  # compiles
    row, params = measure_curve(
        error, lambda **options: solve(key, num_steps=STEPS, **quiet, **options)
    )
    row["parameters"] = sum(x.size for x in jax.tree.leaves(params["params"]))
    rate = RATE_FACTOR * model.default_learning_rate
    options = {**quiet, "init": initial, "optimizer": rate}
    inr.fit(key, model, terms, num_steps=64, **options)  # compiles
    start = time.perf_counter()
    inr.fit(key, model, terms, num_steps=500, **options)
    seconds_per_step = (time.perf_counter() - start) / 500
    steps = max(int(row["seconds"] / seconds_per_step), 200)
    fit = functools.partial(inr.fit, key, model, terms, num_steps=steps, **options)
    return [("least_squares", row), ("adam", measure_curve(error, fit)[0])]


def _medians(rows: list[dict]) -> dict:
    """Medians over seeds, and the errors and curves of each."""
    row = {
        key: statistics.median_low([row[key] for row in rows])
        for key in ("error", "seconds", "steps", "loss")
    }
    row |= {f"{key}s": [row[key] for row in rows] for key in ("error", "curve")}
    if "parameters" in rows[0]:
        row["parameters"] = rows[0]["parameters"]
    return row


def measure_curve(error, fit) -> tuple[dict, dict]:
    """Run a fit, and measure its error at about twenty times.

    The time that measuring takes is not counted.
    """
    curve, start, measuring = [], time.perf_counter(), 0.0

    def callback(step, loss, field):
        nonlocal measuring
        now = time.perf_counter()
        seconds = now - start - measuring
        if not curve or seconds > 1.15 * curve[-1][0]:
            curve.append((round(seconds, 1), step, round(error(field), 5)))
        measuring += time.perf_counter() - now

    result = fit(callback=callback)
    seconds = time.perf_counter() - start - measuring
    final = error(result.field)
    row = {
        "error": final,
        "seconds": seconds,
        "steps": result.num_steps,
        "loss": float(result.history[-1]),
        "curve": curve,
    }
    return row, result.params


def helmholtz_error(field) -> float:
    exact, far = point_source(K, (0.0, 0.0), (96, 96))
    output = np.asarray(inr.render(field, (96, 96)))
    difference = output[..., 0] + 1j * output[..., 1] - exact
    return float(np.linalg.norm(difference[far]) / np.linalg.norm(exact[far]))


def wave_error(field) -> float:
    inner = inner_points(127)
    displacement = np.asarray(pulse(jnp.asarray(inner.reshape(-1, 2), jnp.float32)))
    exact = standing_waves(displacement.reshape(127, 127), DURATION)
    coords = np.insert(inner, 0, DURATION, axis=-1).astype(np.float32)
    output = np.asarray(_apply(field, coords))[..., 0]
    return float(np.linalg.norm(output - exact) / np.linalg.norm(exact))


_apply = jax.jit(lambda field, coords: field(coords))


def lens(coords):
    """Slowness of a lens beside the source: 1.4 inside, 1 outside, with a soft edge."""
    center = jnp.asarray([[0.1, 0.45]], coords.dtype)
    distance = jnp.linalg.norm(coords - center, axis=-1)
    return 1 + 0.4 * jax.nn.sigmoid((0.3 - distance) / 0.04)


def medium() -> dict:
    """Error and time of `fit_helmholtz` with the lens."""
    source, k, n = (0.0, -0.4), 5.0, 400
    model = inr.Siren(features=2, width=24, depth=2, omega=1.5 * (1.4 * k + 2 * np.pi))
    start = time.perf_counter()
    result = fit_helmholtz(
        jax.random.key(0),
        k,
        model=model,
        source=source,
        slowness=lens,
        num_steps=80,
        batch_size=3072,
        progress=False,
    )
    seconds = time.perf_counter() - start
    axis, exact = finite_differences(k, source, n)
    coords = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).astype(np.float32)
    output = np.asarray(_apply(result.field, coords))
    far = np.linalg.norm(coords - np.float32(source), axis=-1) > np.pi / k
    difference = (output[..., 0] + 1j * output[..., 1] - exact)[far]
    return {
        "error": float(np.linalg.norm(difference) / np.linalg.norm(exact[far])),
        "seconds": seconds,
        "steps": result.num_steps,
        "loss": float(result.history[-1]),
    }


def finite_differences(k: float, source, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Cell centers inside the square, and u there by finite differences.

    A perfectly matched layer surrounds the square.
    """
    import scipy.sparse as sp
    from scipy.sparse.linalg import spsolve

    thickness = 2 * np.pi / k
    half = 1 + thickness
    edges = np.linspace(-half, half, n + 1)
    axis = (edges[1:] + edges[:-1]) / 2

    def stretch(x):
        depth = np.maximum(np.abs(x) - 1, 0) / thickness
        return 1 + 1j * 1.5 * np.log(1e4) / (k * thickness) * depth**2

    ones = np.ones(n) * n / (2 * half)
    slope = sp.diags([ones, -ones], [0, -1], shape=(n + 1, n))
    second = -(slope.T @ sp.diags(1 / stretch(edges)) @ slope)
    second = sp.diags(1 / stretch(axis)) @ second
    points = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    slowness = np.asarray(lens(jnp.asarray(np.clip(points, -1, 1), jnp.float32)))
    squared_distance = np.square(points - source).sum(-1)
    density = np.exp(-squared_distance * k**2 / 2) / (2 * np.pi / k**2)
    identity = sp.eye(n)
    system = sp.kron(second, identity) + sp.kron(identity, second)
    system += sp.diags((k * slowness) ** 2)
    u = spsolve(system.tocsc(), -density.astype(complex)).reshape(n, n)
    inside = np.abs(axis) < 1
    return axis[inside], u[np.ix_(inside, inside)]


PARTS = {
    "helmholtz": (
        lambda key, **o: fit_helmholtz(key, K, model=HELMHOLTZ, batch_size=3072, **o),
        helmholtz_terms(K, batch_size=3072),
        HELMHOLTZ,
        helmholtz_error,
    ),
    "wave": (
        lambda key, **o: fit_wave(
            key, pulse, DURATION, model=WAVE, batch_size=3072, **o
        ),
        wave_terms(pulse, DURATION, batch_size=3072),
        WAVE,
        wave_error,
    ),
}


if __name__ == "__main__":
    main()
