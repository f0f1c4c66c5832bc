"""Nine families on three 256x256 crops: equal parameters, equal time, three seeds.

    python benchmarks/families.py [seconds a fit, default 8]

Every family has about 66,000 parameters and its own default learning rate, chosen on
other photographs. A fit ends when its time is up, compilation not counted: PSNR is of
the render then. The decay of the learning rate is set to end at about that time.
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
    inr.fit_image(jax.random.key(0), model, image, **options)
    start = time.perf_counter()
    inr.fit_image(jax.random.key(0), model, image, **options)
    return max(round(6 * seconds / (time.perf_counter() - start)), 10)


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 8.0
    images = crops()
    for name, family in FAMILIES.items():
        row = {}
        for label, image in images.items():
            model = sized(family, image.shape[-1])
            num_steps = steps_in(model, image, seconds)
            found = []
            for seed in range(3):
                key = jax.random.key(seed)
                try:
                    result = inr.fit_image(
                        key, model, image, num_steps=num_steps, progress=False
                    )
                except inr.FitDiverged as error:
                    result = error.result
                field = inr.bind(model, result.params)
                found.append(_common.psnr(inr.render(field, (256, 256)), image))
            row[label] = float(np.mean(found))
            row[f"{label}_spread"] = float(np.ptp(found))
            row[f"{label}_steps"] = num_steps
            row["parameters"] = count(model, image.shape[-1])
        _common.save("families", {name: {**row, "seconds": seconds}})


if __name__ == "__main__":
    main()
