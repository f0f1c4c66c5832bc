"""Fits of images."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import count_compilations, refuses

import inr
from inr import coords

SMALL = inr.Siren(features=2, width=32, depth=1)


def smooth_image(h=16, w=16):
    y, x = np.moveaxis(np.asarray(coords.grid((h, w))), -1, 0)
    image = np.stack([0.5 + 0.4 * np.sin(3 * x + y), 0.5 + 0.3 * np.cos(2 * y)], -1)
    return image.astype(np.float32)


def fit(image=None, model=SMALL, *, key=0, **options):
    """A fit of all pixels in every step."""
    image = smooth_image() if image is None else image
    options = {"num_steps": 60, "points": "pixels", "progress": False, **options}
    return inr.fit_image(jax.random.key(key), image, model=model, **options)


def fit_continuous(image=None, model=SMALL, *, batch_size=256, **options):
    return fit(image, model, points="continuous", batch_size=batch_size, **options)


def mse(result, image):
    rendered = inr.render(result.field, image.shape[:2])
    return float(jnp.mean((rendered - image) ** 2))


@pytest.mark.slow
def test_a_smooth_image_is_fitted_and_the_history_is_its_error():
    image = smooth_image()
    result = fit(image, num_steps=200)
    assert mse(result, image) < 1e-5
    again = fit(image, num_steps=1, init=result.params)
    np.testing.assert_allclose(again.history[0], mse(result, image), rtol=1e-3)
    assert result.status == "finished"
    assert result.num_steps == len(result.history) == 200


@pytest.mark.slow
def test_between_the_pixels_the_field_follows_the_signal():
    model = SMALL.clone(omega=5.0)
    result = fit(model=model, num_steps=300)
    fine = inr.render(result.field, (64, 64))
    inner = (slice(4, -4), slice(4, -4))
    assert float(jnp.abs(fine - smooth_image(64, 64))[inner].max()) < 0.02


@pytest.mark.long
@pytest.mark.slow
def test_random_points_make_pixels_means_over_cells():
    """The pixels are means of a finer image, which the field is closest to."""
    y, x = np.moveaxis(np.asarray(coords.grid((64, 64))), -1, 0)
    waves = [np.sin(9 * x + 3 * y), np.cos(8 * y - 4 * x)]
    fine = np.stack([0.5 + 0.4 * wave for wave in waves], -1).astype(np.float32)
    image = fine.reshape(16, 4, 16, 4, 2).mean((1, 3))
    result = fit_continuous(image, SMALL.clone(omega=15.0), num_steps=800)
    means = inr.render(result.field, (16, 16), antialias=4)
    # The mirrored borders of the spline are not those of the signal.
    assert float(jnp.abs(means - image)[2:-2, 2:-2].max()) < 0.02
    rendered = inr.render(result.field, (64, 64))
    cubic = coords.sample_grid(image, coords.grid((64, 64)), interpolation="cubic")
    inner = (slice(8, -8), slice(8, -8))
    errors = [float(jnp.square(x - fine)[inner].mean()) for x in (rendered, cubic)]
    assert errors[0] < errors[1] / 4


def test_a_batch_of_all_pixels_is_drawn_without_randomness():
    results = [fit(batch_size=n, num_steps=3) for n in (None, 256, 4096)]
    for result in results[1:]:
        np.testing.assert_array_equal(result.history, results[0].history)


@pytest.mark.slow
def test_random_points_avoid_pixels_of_weight_0():
    image = smooth_image()
    weights = np.ones((16, 16), np.float32)
    weights[4:7, 4:9] = 0
    corrupted = np.where(weights[..., None] > 0, image, 0.77)
    model = SMALL.clone(omega=5.0)
    result = fit_continuous(corrupted, model, weights=weights, num_steps=300)
    error = jnp.abs(inr.render(result.field, (16, 16), antialias=4) - image)
    assert float(error[weights > 0].max()) < 0.03
    assert float(error.max()) < 0.1  # the gap follows the signal, not 0.77


def test_without_a_model_it_is_a_siren_of_the_images_frequency():
    image = smooth_image()
    options = {"num_steps": 1, "optimizer": 1e-9}
    default = fit(image, model=None, **options).field
    siren = inr.Siren(features=2, omega=inr.suggest_omega(image))
    expected = fit(image, model=siren, **options).field
    points = jnp.array([[-0.9, 0.3], [0.1, -0.4], [0.7, 0.8]])
    np.testing.assert_allclose(default(points), expected(points), atol=1e-5)


def test_images_of_other_frequencies_share_the_programs_of_the_default_model():
    smooth = smooth_image()
    rough = np.random.default_rng(0).uniform(0, 1, smooth.shape).astype(np.float32)
    assert inr.suggest_omega(rough) > 1.5 * inr.suggest_omega(smooth)
    inr.render(fit(smooth, model=None, num_steps=3).field, (16, 16))
    with count_compilations() as compiled:
        inr.render(fit(rough, model=None, num_steps=3).field, (16, 16))
    assert compiled() == 0


@pytest.mark.slow
@pytest.mark.parametrize("size", [(1, 1, 1), (1, 5, 3), (2, 2, 1), (9, 7, 3)])
@pytest.mark.parametrize("level", [0.0, 0.1, 1.0])
def test_the_default_model_fits_constant_and_tiny_images(size, level):
    image = np.full(size, level, np.float32)
    result = fit_continuous(image, model=None, num_steps=2, batch_size=8)
    assert result.field.model.features == size[-1]
    assert np.isfinite(result.history).all()
    assert result.params["normalization"]["coords_scale"].max() < 40 / 30


def test_normalization_is_set_from_the_image_and_not_trained():
    image = smooth_image(8, 16)
    result = fit(image, num_steps=5)
    normalization = result.params["normalization"]
    np.testing.assert_allclose(normalization["coords_scale"], [0.5, 1.0])
    middle = (image.min((0, 1)) + image.max((0, 1))) / 2
    np.testing.assert_allclose(normalization["features_shift"], middle, atol=1e-6)


def test_bytes_are_levels_of_a_255th():
    levels = np.random.default_rng(0).integers(0, 256, (6, 5, 2)).astype(np.uint8)
    a, b = (fit(x, num_steps=3) for x in (levels, levels / np.float32(255)))
    np.testing.assert_array_equal(a.history, b.history)


def test_a_second_call_with_equal_objects_compiles_nothing():
    def call(steps, rate):
        model = inr.Siren(features=2, width=32, depth=1)
        fit(smooth_image(), model, num_steps=steps, optimizer=rate, key=steps)

    call(3, 1e-3)
    with count_compilations() as count:
        call(5, 2e-3)
    assert count() == 0


@pytest.mark.slow
def test_sizes_with_equal_powers_of_two_share_programs():
    image, other = smooth_image(10, 13), smooth_image(13, 12)
    fit_continuous(image, num_steps=2)
    with count_compilations() as count:
        fit_continuous(other, num_steps=2)
    assert count() <= 1  # a copy of the image to the device


def test_it_stops_at_the_first_step_that_reaches_the_target():
    complete = fit(num_steps=150)
    psnr = -10 * np.log10(complete.history)
    result = fit(num_steps=150, target_psnr=30.0)
    assert result.status == "target reached"
    first = int(np.argmax(psnr >= 30))
    assert result.num_steps == first
    np.testing.assert_array_equal(result.history, complete.history[: first + 1])
    np.testing.assert_allclose(
        mse(result, smooth_image()), result.history[-1], rtol=1e-3
    )


@pytest.mark.slow
def test_weights_choose_the_pixels():
    image = smooth_image()
    weights = np.zeros((16, 16), np.float32)
    weights[::2, ::2] = 1
    corrupted = np.where(weights[..., None] > 0, image, 0.77)
    model = SMALL.clone(omega=5.0)
    result = fit(corrupted, model, weights=weights, num_steps=200)
    rendered = inr.render(result.field, (16, 16))
    error = jnp.abs(rendered - image)
    assert float(error[::2, ::2].max()) < 0.01
    assert float(jnp.median(error)) < 0.05  # the others follow the signal, not 0.77


def test_equal_weights_of_any_scale_change_nothing():
    plain = fit(num_steps=10)
    weighted = fit(num_steps=10, weights=np.full((16, 16), 3.0, np.float32))
    np.testing.assert_allclose(weighted.history, plain.history, rtol=1e-4)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((0, 4, 2), np.float32), "`image` must be non-empty"),
        (np.full((4, 4, 2), np.nan, np.float32), "`image` must be finite"),
        (np.full((4, 4, 2), np.inf, np.float32), "`image` must be finite"),
        (np.zeros((2, 4, 4, 2), np.float32), "`image` must be"),
        (np.zeros((4, 4, 2), np.int32), "uint8"),
        (np.zeros((4, 4, 3), np.float32), "features=3"),
    ],
)
def test_bad_images_are_refused(image, message):
    with refuses(message):
        fit(image)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_steps": 0}, "`num_steps`"),
        ({"num_steps": 2.5}, "`num_steps`"),
        ({"optimizer": -1.0}, "`optimizer`"),
        ({"optimizer": float("nan")}, "`optimizer`"),
        (
            {"optimizer": {"sine_0": 1.0}},
            "the layers linear, sine_",
        ),
        ({"target_psnr": float("nan")}, "`target_psnr`"),
        ({"target_psnr": "high"}, "`target_psnr`"),
        ({"points": "centers"}, "`points`"),
        ({"batch_size": 0}, "`batch_size`"),
        ({"weights": np.zeros((16, 16), np.float32)}, "`weights`"),
        ({"weights": -np.ones((16, 16), np.float32)}, "`weights`"),
        ({"weights": np.full((16, 16), np.nan, np.float32)}, "`weights`"),
        ({"weights": np.ones((4, 4), np.float32)}, "`weights`"),
    ],
)
def test_bad_options_are_refused(options, message):
    with refuses(message):
        fit(**options)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/statm")
def test_thirty_sizes_take_little_memory():
    """Beyond the first fit of one model; memory that the allocator keeps aside."""
    code = (
        "import ctypes, gc, jax, numpy as np, inr\n"
        "trim = ctypes.CDLL('libc.so.6').malloc_trim\n"
        "def used():\n"
        "    gc.collect(), trim(0)\n"
        "    return int(open('/proc/self/statm').read().split()[1]) * 4096 / 2**20\n"
        "rng = np.random.default_rng(0)\n"
        "model = inr.Siren(features=3, width=64, depth=2)\n"
        "def fit(i):\n"
        "    image = rng.uniform(0, 1, (100 + 7 * i, 150 + 5 * i, 3))\n"
        "    image = image.astype(np.float32)\n"
        "    options = {'model': model, 'num_steps': 2, 'progress': False}\n"
        "    inr.fit_image(jax.random.key(i), image, **options)\n"
        "fit(0)\n"
        "first = used()\n"
        "for i in range(1, 31):\n"
        "    fit(i)\n"
        "print(used() - first)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert float(result.stdout.split()[-1]) < 100  # MiB


def test_channels_that_come_first_cause_a_warning(key):
    image = np.random.default_rng(0).random((3, 8, 6), np.float32)
    with pytest.warns(UserWarning, match=r"looks like \[c, h, w\].*numpy.moveaxis"):
        inr.fit_image(key, image, num_steps=1, progress=False)
