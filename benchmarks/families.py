"""Families of fields on three 256x256 crops: equal time, similar size, three seeds.

    python benchmarks/families.py [seconds per fit, default 30]

Every family has about 66,000 parameters (the hash grid has 45,083) and its default
learning rate, which was chosen on other photographs. First the time of a warm step is
measured for all families. Each fit then has as many steps as should take the given
seconds, and its learning rate decays over them. The score is the PSNR of the field's
means over the pixels.
"""

import sys
import time

import _common
import jax
import numpy as np

import inr


def crops() -> dict[str, np.ndarray]:
    """Camera, and central crops of astronaut and of a Kodak photograph."""
    import imageio.v3 as iio
    from skimage import data

    images = {"camera": _common.camera(), "astronaut": _center(data.astronaut())}
    kodak = _common.DATA / "bench" / "kodak24" / "kodim23.png"
    if kodak.exists():
        images["kodim23"] = _center(iio.imread(kodak))
    return images


def _center(image: np.ndarray) -> np.ndarray:
    top, left = ((n - 256) // 2 for n in image.shape[:2])
    return image[top : top + 256, left : left + 256].astype(np.float32) / 255


def count(model, channels: int) -> int:
    shapes = jax.eval_shape(model.init, jax.random.key(0), np.zeros((1, 2), np.float32))
    return sum(x.size for x in jax.tree.leaves(shapes["params"]))


FAMILIES = {
    "Siren": inr.Siren(),
    "Finer": inr.Finer(),
    "Gauss": inr.Gauss(),
    "Wire": inr.Wire(),
    "PositionalEncoding": inr.PositionalEncoding(),
    "FourierFeatures": inr.FourierFeatures(),
    "FourierNet": inr.FourierNet(),
    "GaborNet": inr.GaborNet(),
    "Bacon": inr.Bacon(),
    "HashGrid": inr.HashGrid(width=32, levels=8, growth=1.5, log2_table_size=12),
}
PARAMETERS = 66_000


def resize(model, channels: int):
    """The family at the smallest width with at least `PARAMETERS` parameters."""
    if isinstance(model, inr.HashGrid):
        return model.clone(features=channels)
    widths = range(8, 400)
    models = [model.clone(features=channels, width=w) for w in widths]
    low, high = 0, len(models) - 1
    while low < high:
        middle = (low + high) // 2
        if count(models[middle], channels) < PARAMETERS:
            low = middle + 1
        else:
            high = middle
    return models[low]


def steps_in(model, image: np.ndarray, seconds: float) -> int:
    """Number of steps of a warm fit that should take `seconds`."""
    options = {"num_steps": 6, "progress": False}
    inr.fit_image(jax.random.key(0), image, model=model, **options)
    start = time.perf_counter()
    inr.fit_image(jax.random.key(0), image, model=model, **options)
    return max(round(6 * seconds / (time.perf_counter() - start)), 10)


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    images = crops()
    models = {
        (name, label): resize(family, image.shape[-1])
        for name, family in FAMILIES.items()
        for label, image in images.items()
    }
    # All times are measured first, so that fits do not depend on later load.
    steps = {
        (name, label): steps_in(model, images[label], seconds)
        for (name, label), model in models.items()
    }
    print("steps:", steps, flush=True)
    for name in FAMILIES:
        row = {"seconds": seconds}
        for label, image in images.items():
            model, num_steps = models[name, label], steps[name, label]
            scores = [
                psnr_of_fit(jax.random.key(seed), model, image, num_steps)
                for seed in range(3)
            ]
            row[label] = float(np.mean(scores))
            row[f"{label}_spread"] = float(np.ptp(scores))
            row[f"{label}_steps"] = num_steps
            row["parameters"] = count(model, image.shape[-1])
        _common.save("families", {name: row})


def psnr_of_fit(key, model, image: np.ndarray, num_steps: int) -> float:
    """PSNR of a fit; if the fit diverges, of its last finite parameters."""
    options = {"num_steps": num_steps, "progress": False}
    try:
        result = inr.fit_image(key, image, model=model, **options)
    except inr.FitDiverged as error:
        result = error.result
    means = inr.render(result.field, (256, 256), antialias=2, progress=False)
    return _common.psnr(means, image)


if __name__ == "__main__":
    main()
