"""Camera, 256x256, from its gradient, and from its Laplacian with and without border.

    python benchmarks/reconstruction.py [gradient] [laplacian] [laplacian_alone]

The model is a SIREN of 256x3, fitted with full batches. The fit to the gradient has the
image's mean as an input; no factor is fitted. The ceiling is the PSNR of the
band-limited image whose exact derivatives fit the targets best, in the norm of the fit.
Rates, weights and the share of steps between the middles of edges were chosen on crops
of another photograph. A fit writes a checkpoint, and resumes from it.
"""

import sys
import time

import _common
import jax
import numpy as np
from scipy import fft

import inr
from inr import poisson, signals

MODEL = inr.Siren(features=1, width=256, depth=3)
STEPS = {"gradient": 450, "laplacian": 450, "laplacian_alone": 100}
EVERY = 25


def main() -> None:
    image = _common.camera()
    for name in sys.argv[1:] or STEPS:
        _common.save("reconstruction", {name: reconstruct(name, image)})


def reconstruct(name: str, image: np.ndarray) -> dict:
    out = _common.HERE / "out"
    out.mkdir(exist_ok=True)
    curve, start = {}, time.perf_counter()

    def render(field: inr.BoundField) -> np.ndarray:
        output = np.asarray(inr.render(field, image.shape[:2], progress=False))
        # The mean is an input of the fit; the Laplacian alone does not determine it.
        shift = 0 if name == "laplacian" else image.mean() - output.mean()
        return output + shift

    def callback(step: int, loss: float, field: inr.BoundField) -> None:
        if step // EVERY > max(curve, default=-1) // EVERY:
            curve[step] = round(_common.psnr(render(field), image), 2)
            print(name, step, f"{loss:.3g}", curve[step], flush=True)

    result = fit(
        name,
        image,
        num_steps=STEPS[name],
        checkpoint=out / f"reconstruction_{name}",
        progress=False,
        callback=callback,
    )
    rendering = render(result.field)
    inr.write_image(out / f"reconstruction_{name}.png", rendering)
    return {
        "psnr": _common.psnr(rendering, image),
        "ceiling": ceiling(name, image),
        "steps": result.num_steps,
        "seconds": time.perf_counter() - start,
        "curve": curve,
    }


def fit(name: str, image: np.ndarray, **options) -> inr.FitResult:
    """Fit the model to the grid's differences."""
    key = jax.random.key(0)
    if name == "gradient":
        guidance = poisson.grid_gradient(image)
        return signals.fit_gradient(
            key, guidance, model=MODEL, mean=image.mean(), **options
        )
    laplacian = poisson.grid_laplacian(image)
    if name == "laplacian":
        return signals.fit_laplacian(key, laplacian, image, model=MODEL, **options)
    inner, _ = signals.laplacian_terms(laplacian, image)
    rate = MODEL.default_learning_rate / 10
    return inr.fit(key, MODEL, inner, optimizer=rate, **options)


def ceiling(name: str, image: np.ndarray) -> float:
    """PSNR of the band-limited image whose exact derivatives fit the targets best.

    A cosine of angle a per pixel has slopes of a, and differences of 2 sin(a / 2).
    """
    angles = [np.pi * np.arange(n) / n for n in image.shape[:2]]
    exact = np.stack(np.meshgrid(*angles, indexing="ij"))
    differences = 2 * np.sin(exact / 2)
    if name != "gradient":
        exact, differences = ((x**2).sum(0)[None] for x in (exact, differences))
    # Integration treats slopes as the differences that they approximate.
    gain = (differences**2).sum(0) / np.maximum((exact * differences).sum(0), 1e-12)
    gain[0, 0] = 1
    waves = fft.dctn(image[..., 0], norm="ortho")
    return _common.psnr(fft.idctn(gain * waves, norm="ortho")[..., None], image)


if __name__ == "__main__":
    main()
