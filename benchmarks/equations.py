"""Two equations solved by small SIRENs: error against time for two optimizers.

    python benchmarks/equations.py [helmholtz] [wave] [medium]

Helmholtz: a source in open space, k = 10, the square 3.2 wavelengths wide; relative L2
error against the Hankel function, half a wavelength or more from the source. Wave: a
Gaussian pulse of standard deviation 0.2 in a box, to time 1.2; relative L2 error at the
end against the sine series. Both optimizers have the same terms, model and
initialization, and about the same time; Adam is warmed up and falls along a cosine to
the end of its steps. Medium: `helmholtz` with a lens, against sparse finite differences
of 400 points a side. Times include compilation.
"""

import functools
import sys
import time

import _common
import jax
import jax.numpy as jnp
import numpy as np

import inr
from inr.commands.equations import grid_points, point_source, pulse, standing_waves
from inr.signals import fit_helmholtz, fit_wave, helmholtz_terms, wave_terms

K, DURATION = 10.0, 1.2
HELMHOLTZ = inr.Siren(features=2, width=32, depth=2, omega=1.5 * (K + 2 * np.pi))
WAVE = inr.Siren(features=1, width=40, depth=1, omega=4.5 / 0.2)
STEPS = 80
# Parts of the family's rate.
RATES = (0.3,)


def main() -> None:
    for part in sys.argv[1:] or ("helmholtz", "wave", "medium"):
        if part == "medium":
            _common.save("equations", {"medium": medium()})
        else:
            compared(part, *PARTS[part])


def compared(part: str, solve, terms, model, error) -> None:
    key = jax.random.key(0)
    quiet = {"progress": False}
    row, params = followed(
        model, error, lambda **look: solve(key, num_steps=STEPS, **quiet, **look)
    )
    row["parameters"] = sum(x.size for x in jax.tree.leaves(params["params"]))
    _common.save("equations", {f"{part}_least_squares": row})
    # A target that is reached at once: the parameters of the start.
    start = solve(key, num_steps=1, target_loss=np.inf, **quiet).params
    for part_of_rate in RATES:
        options = {
            **quiet,
            "init": start,
            "optimizer": part_of_rate * model.default_learning_rate,
        }
        inr.fit(key, model, terms, num_steps=64, **options)
        warm = time.perf_counter()
        inr.fit(key, model, terms, num_steps=200, **options)
        a_step = (time.perf_counter() - warm) / 200
        steps = max(int(row["seconds"] / a_step), 200)
        fit = functools.partial(inr.fit, key, model, terms, num_steps=steps, **options)
        made, _ = followed(model, error, fit)
        _common.save("equations", {f"{part}_adam_{part_of_rate:g}": made})


def followed(model, error, fit) -> tuple[dict, dict]:
    """A fit's error along the way, at about twenty times."""
    curve, began, spent = [], time.perf_counter(), 0.0

    def look(step, loss, field):
        nonlocal spent
        now = time.perf_counter()
        took = now - began - spent
        if not curve or took > 1.15 * curve[-1][0]:
            curve.append((round(took, 1), step, round(error(field), 5)))
        spent += time.perf_counter() - now

    result = fit(callback=look)
    took = time.perf_counter() - began - spent
    final = error(result.field)
    below = [t for t, _, e in [*curve, (took, 0, final)] if e < 0.05]
    row = {
        "error": final,
        "seconds": took,
        "seconds_to_5_percent": below[0] if below else None,
        "steps": result.num_steps,
        "loss": float(result.history[-1]),
        "curve": curve,
    }
    return row, result.params


def helmholtz_error(field) -> float:
    exact, far = point_source(K, (0.0, 0.0), (96, 96))
    made = np.asarray(inr.render(field, (96, 96)))
    wrong = made[..., 0] + 1j * made[..., 1] - exact
    return float(np.linalg.norm(wrong[far]) / np.linalg.norm(exact[far]))


def wave_error(field) -> float:
    inner = grid_points(127)
    plane = np.asarray(pulse(jnp.asarray(inner.reshape(-1, 2), jnp.float32)))
    exact = standing_waves(plane.reshape(127, 127), DURATION)
    coords = np.insert(inner, 0, DURATION, axis=-1).astype(np.float32)
    made = np.asarray(_apply(field, coords))[..., 0]
    return float(np.linalg.norm(made - exact) / np.linalg.norm(exact))


_apply = jax.jit(lambda field, coords: field(coords))


def lens(coords):
    """A lens of slowness 1.4 beside the source, with a soft edge."""
    middle = jnp.asarray([[0.1, 0.45]], coords.dtype)
    away = jnp.linalg.norm(coords - middle, axis=-1)
    return 1 + 0.4 * jax.nn.sigmoid((0.3 - away) / 0.04)


def medium() -> dict:
    source, k, n = (0.0, -0.4), 5.0, 400
    model = inr.Siren(features=2, width=24, depth=2, omega=1.5 * (1.4 * k + 2 * np.pi))
    began = time.perf_counter()
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
    took = time.perf_counter() - began
    axis, exact = finite_differences(k, source, n)
    coords = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).astype(np.float32)
    made = np.asarray(_apply(result.field, coords))
    far = np.linalg.norm(coords - np.float32(source), axis=-1) > np.pi / k
    wrong = (made[..., 0] + 1j * made[..., 1] - exact)[far]
    return {
        "error": float(np.linalg.norm(wrong) / np.linalg.norm(exact[far])),
        "seconds": took,
        "steps": result.num_steps,
        "loss": float(result.history[-1]),
    }


def finite_differences(k: float, source, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Cell centers inside the square and u there, with a layer of its own."""
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
    away = np.square(points - source).sum(-1)
    density = np.exp(-away * k**2 / 2) / (2 * np.pi / k**2)
    one = sp.eye(n)
    system = sp.kron(second, one) + sp.kron(one, second) + sp.diags((k * slowness) ** 2)
    u = spsolve(system.tocsc(), -density.astype(complex)).reshape(n, n)
    inside = np.abs(axis) < 1
    return axis[inside], u[np.ix_(inside, inside)]


PARTS = {
    "helmholtz": (
        lambda key, **o: fit_helmholtz(
            key, K, model=HELMHOLTZ, batch_size=3072, **o
        ),
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
