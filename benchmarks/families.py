"""Nine families on three 256x256 crops: equal parameters, equal time, three seeds.

    python benchmarks/families.py [seconds a fit, default 30]

Every family has about 66,000 parameters and its own default learning rate, chosen on
other photographs. The time of a warm step is measured first, for all of them; a fit
then makes as many steps as the seconds would hold, its learning rate decaying over
them.
"""

import sys
import time

import _common
import jax
import numpy as np

import inr


def crops() -> dict[str, np.ndarray]:
    """Camera, the middle of astronaut, the middle of a Kodak photograph."""
    import imageio.v3 as iio
    from skimage import data

    found = {"camera": _common.camera(), "astronaut": _middle(data.astronaut())}
    kodak = _common.DATA / "bench" / "kodak24" / "kodim23.png"
    if kodak.exists():
        found["kodim23"] = _middle(iio.imread(kodak))
    return found


def _middle(image: np.ndarray) -> np.ndarray:
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


def sized(model, channels: int):
    """The family at the width whose parameter count is nearest to the common one."""
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
    """Steps of a warm fit that take this long."""
    options = {"num_steps": 6, "progress": False}
    inr.fit_image(jax.random.key(0), image, model=model, **options)
    start = time.perf_counter()
    inr.fit_image(jax.random.key(0), image, model=model, **options)
    return max(round(6 * seconds / (time.perf_counter() - start)), 10)


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    images = crops()
    models = {
        (name, label): sized(family, image.shape[-1])
        for name, family in FAMILIES.items()
        for label, image in images.items()
    }
    # All timing first, on a quiet machine: the fits after it count steps, not seconds.
    steps = {
        (name, label): steps_in(model, images[label], seconds)
        for (name, label), model in models.items()
    }
    print("timed:", steps, flush=True)
    for name in FAMILIES:
        row = {"seconds": seconds}
        for label, image in images.items():
            model, num_steps = models[name, label], steps[name, label]
            found = [
                fitted_psnr(jax.random.key(seed), model, image, num_steps)
                for seed in range(3)
            ]
            row[label] = float(np.mean(found))
            row[f"{label}_spread"] = float(np.ptp(found))
            row[f"{label}_steps"] = num_steps
            row["parameters"] = count(model, image.shape[-1])
        _common.save("families", {name: row})


def fitted_psnr(key, model, image: np.ndarray, num_steps: int) -> float:
    """Of the fit's render, or, if it diverged, of the best before that."""
    options = {"num_steps": num_steps, "progress": False}
    try:
        result = inr.fit_image(key, image, model=model, **options)
    except inr.FitDiverged as error:
        result = error.result
    return _common.psnr(inr.render(result.field, (256, 256)), image)


if __name__ == "__main__":
    main()
