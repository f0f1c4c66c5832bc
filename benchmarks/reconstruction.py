"""camera 256x256 from its gradient alone, and from its Laplacian and its border.

    python benchmarks/reconstruction.py [gradient] [laplacian] [laplacian_alone]

Full batch, a SIREN of 256x3. Only the mean is given to the gradient; no scale is
fitted. The ceiling is what the targets are worth: the band-limited image whose exact
derivatives fit them best, on the same pixels. Rates and the border's weight were chosen
on a crop of another photograph. A fit writes a checkpoint, and resumes from it.
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
STEPS = {"gradient": 500, "laplacian": 500, "laplacian_alone": 200}
EVERY = 50


def main() -> None:
    image = _common.camera()
    for name in sys.argv[1:] or STEPS:
        _common.save("reconstruction", {name: reconstructed(name, image)})


def reconstructed(name: str, image: np.ndarray) -> dict:
    out = _common.HERE / "out"
    out.mkdir(exist_ok=True)
    curve, start = {}, time.perf_counter()

    def shown(field: inr.BoundField) -> np.ndarray:
        made = np.asarray(inr.render(field, image.shape[:2]))
        # What the data do not fix: the mean; an alone Laplacian fixes nothing more.
        return made if name == "laplacian" else made + (image - made).mean()

    def callback(step: int, loss: float, field: inr.BoundField) -> None:
        if step // EVERY > max(curve, default=-1) // EVERY:
            curve[step] = round(_common.psnr(shown(field), image), 2)
            print(name, step, f"{loss:.3g}", curve[step], flush=True)

    options = {
        "num_steps": STEPS[name],
        "checkpoint": out / f"reconstruction_{name}",
        "progress": False,
        "callback": callback,
    }
    result = FITS[name](jax.random.key(0), image, options)
    made = shown(inr.bind(MODEL, result.params))
    inr.write_image(out / f"reconstruction_{name}.png", made)
    return {
        "psnr": _common.psnr(made, image),
        "ceiling": ceiling(name, image),
        "steps": result.step,
        "seconds": time.perf_counter() - start,
        "curve": curve,
    }


def from_gradient(key, image: np.ndarray, options: dict) -> inr.FitResult:
    """The mean is the one constant that no gradient knows."""
    guidance = poisson.grid_gradient(image)
    return signals.fit_gradient(key, MODEL, guidance, mean=image.mean(), **options)


def from_laplacian(key, image: np.ndarray, options: dict) -> inr.FitResult:
    """With the border's values: the Dirichlet problem."""
    laplacian = poisson.grid_laplacian(image)
    return signals.fit_laplacian(key, MODEL, laplacian, image, **options)


def from_laplacian_alone(key, image: np.ndarray, options: dict) -> inr.FitResult:
    """Without the border every harmonic function is as good."""
    inner, _ = signals.laplacian_terms(poisson.grid_laplacian(image), image)
    rate = MODEL.learning_rate / 20
    return inr.fit(key, MODEL, inner, learning_rate=rate, **options)


FITS = {
    "gradient": from_gradient,
    "laplacian": from_laplacian,
    "laplacian_alone": from_laplacian_alone,
}


def ceiling(name: str, image: np.ndarray) -> float:
    """PSNR of the band-limited image whose exact derivatives fit the targets best.

    A cosine of angle a per pixel has slopes of a, and differences of 2 sin(a / 2).
    """
    angles = [np.pi * np.arange(n) / n for n in image.shape[:2]]
    exact = np.stack(np.meshgrid(*angles, indexing="ij"))
    differences = 2 * np.sin(exact / 2)
    if name != "gradient":
        exact, differences = ((x**2).sum(0)[None] for x in (exact, differences))
    norm = np.maximum((exact**2).sum(0), 1e-12)
    gain = (exact * differences).sum(0) / norm
    gain[0, 0] = 1
    waves = fft.dctn(image[..., 0], norm="ortho")
    return _common.psnr(fft.idctn(gain * waves, norm="ortho")[..., None], image)


if __name__ == "__main__":
    main()
