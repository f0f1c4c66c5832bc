"""Image verbs accept tensors of PyTorch on a CPU, and refuse others by name."""

import jax
import numpy as np
import pytest
from small_transformer import transformer
from support import refuses

import inr
from inr.models import LoadedModel

torch = pytest.importorskip("torch")

KEY = jax.random.key(0)
IMAGE = np.random.default_rng(0).random((12, 10, 3), np.float32)
OTHER = IMAGE[::-1].copy()
MASK = np.zeros((12, 10), bool)
MASK[4:8, 3:7] = True
FACTORS = np.array([2, 1, 1], np.float32)
SHORT = {"model": inr.Siren(3, width=4, depth=0), "num_steps": 1, "progress": False}


def by_reference(image, reference):
    model = LoadedModel(*transformer(2))
    return inr.upscale_by_reference(image, [reference], scale=2, model=model)


# Name of the image, and a call with it.
CALLS = {
    "fit_image": ("image", lambda x: inr.fit_image(KEY, x, **SHORT).history),
    "merge": (r"images\[1\]", lambda x: inr.merge([OTHER, x])),
    "source": ("source", lambda x: inr.seamless_clone(x, OTHER, MASK)),
    "target": ("target", lambda x: inr.seamless_clone(OTHER, x, MASK)),
    "inpaint": ("image", lambda x: inr.inpaint(x, MASK, method="membrane")),
    "change_color": ("image", lambda x: inr.merging.change_color(x, MASK, FACTORS)),
    "psnr": ("reference", lambda x: inr.psnr(OTHER, x)),
    "images": ("images", lambda x: inr.plot.images([x]).get_size_inches()),
    "reference": ("references", lambda x: by_reference(OTHER, x)),
    "upscale": ("image", lambda x: inr.upscale(x, 2)),
    "colorize": ("gray", lambda x: inr.colorize(x[..., :1], detail=None)),
    "write_image": ("image", lambda x: inr.write_image("x.png", x)),
}


@pytest.mark.parametrize("name", CALLS)
def test_tensors_are_images(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    argument, call = CALLS[name]
    for image in (IMAGE, np.uint8(IMAGE * 255)):
        expected = call(image)
        if expected is None:
            expected = inr.read_image("x.png")
        result = call(torch.from_numpy(image))
        if result is None:
            result = inr.read_image("x.png")
        np.testing.assert_array_equal(result, expected)
    tensor = torch.from_numpy(IMAGE)
    with refuses(f"`{argument}` must be .*requires grad"):
        call(tensor.clone().requires_grad_())
    with refuses(f"`{argument}` must be .*BFloat16"):
        call(tensor.bfloat16())
    with refuses(f"`{argument}` must be .*can't convert meta"):
        call(tensor.to("meta"))
    with refuses(f"`{argument}` must be .*dtype int64"):
        call((255 * tensor).long())


def test_masks_of_tensors_are_refused_by_name():
    mask = torch.from_numpy(MASK)
    for call in (
        lambda: inr.seamless_clone(IMAGE, OTHER, mask),
        lambda: inr.inpaint(IMAGE, mask, method="membrane"),
        lambda: inr.merging.change_color(IMAGE, mask, FACTORS),
    ):
        with refuses("`mask` must be a bool array.*Use `numpy.asarray"):
            call()
