"""camera 256x256 from its gradient alone, and from its Laplacian and its border.

    python benchmarks/reconstruction.py [gradient] [laplacian] [laplacian_alone]

A SIREN of 256x3, full batches. Only the mean is given to the gradient; no scale is
fitted. The ceiling is what the targets are worth: the band-limited image whose exact
derivatives fit them, in the norm of the fit. Rates, weights and the share of steps
between the edges' middles were chosen on crops of another photograph. A fit writes a
checkpoint, and resumes from it.
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
        _common.save("reconstruction", {name: reconstructed(name, image)})


def reconstructed(name: str, image: np.ndarray) -> dict:
    out = _common.HERE / "out"
    out.mkdir(exist_ok=True)
    curve, start = {}, time.perf_counter()

    def shown(params) -> np.ndarray:
        field = inr.bind(MODEL, params)
        made = np.asarray(inr.render(field, image.shape[:2], progress=False))
        # The mean is given; the Laplacian alone does not even fix that.
        return made if name == "laplacian" else made + (image.mean() - made.mean())

    def callback(step: int, loss: float, field: inr.BoundField) -> None:
        if step // EVERY > max(curve, default=-1) // EVERY:
            curve[step] = round(_common.psnr(shown(field.params), image), 2)
            print(name, step, f"{loss:.3g}", curve[step], flush=True)

    result = fitted(
        name,
        image,
        num_steps=STEPS[name],
        checkpoint=out / f"reconstruction_{name}",
        progress=False,
        callback=callback,
    )
    made = shown(result.params)
    inr.write_image(out / f"reconstruction_{name}.png", made)
    return {
        "psnr": _common.psnr(made, image),
        "ceiling": ceiling(name, image),
        "steps": result.num_steps,
        "seconds": time.perf_counter() - start,
        "curve": curve,
    }


def fitted(name: str, image: np.ndarray, **options) -> inr.FitResult:
    """From what the grid's own differences say."""
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
    # What integrates slopes takes them by the differences that they are meant to be.
    gain = (differences**2).sum(0) / np.maximum((exact * differences).sum(0), 1e-12)
    gain[0, 0] = 1
    waves = fft.dctn(image[..., 0], norm="ortho")
    return _common.psnr(fft.idctn(gain * waves, norm="ortho")[..., None], image)


if __name__ == "__main__":
    main()
