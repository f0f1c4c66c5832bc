"""`encode` and `decode` together, with random networks."""

import sys

import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("constriction")

import pictures
import small_codec

import inr
from inr.codec import container

pytestmark = pytest.mark.slow  # most of the time is compilation

OPTIONS = {"model": small_codec.codec(), "num_steps": 4, "progress": False}


def decode(data, **options):
    return inr.codec.decode(data, model=small_codec.codec(), **options)


@pytest.fixture(scope="module")
def data():
    return inr.codec.encode(small_codec.picture((24, 20)), **OPTIONS)


def test_facts_of_a_file(data):
    info = inr.codec.info(data)
    assert info == (
        (24, 20), 3, len(data), pytest.approx(8 * len(data) / 480), 1,
    )  # fmt: skip


def test_decode_is_the_field_at_the_centers_in_8_bits(data):
    image = decode(data)
    assert image.shape == (24, 20, 3)
    field = inr.codec.decode_field(data, model=small_codec.codec())
    pixels = inr.render(field, (24, 20), progress=False).clip(0, 1)
    np.testing.assert_allclose(image, pixels, atol=0.51 / 255)
    levels = np.asarray(image) * 255
    np.testing.assert_allclose(levels, np.rint(levels), atol=1e-4)


def test_encoding_twice_gives_the_same_bytes(data):
    assert inr.codec.encode(small_codec.picture((24, 20)), **OPTIONS) == data


def test_a_region_is_a_part_of_the_picture(data):
    part = decode(data, region=((0.25, 0.5), (0.75, 1.0)))
    np.testing.assert_array_equal(part, decode(data)[6:18, 10:])


def test_more_steps_lower_the_loss(monkeypatch):
    # Random networks gain more by another last layer than by other latents.
    monkeypatch.setattr("inr.codec.encoding.best_change", lambda *_: b"")
    image = small_codec.picture((24, 20))

    def loss(num_steps):
        data = inr.codec.encode(image, **OPTIONS | {"num_steps": num_steps})
        error = float(jnp.square(decode(data) - image).mean())
        return error + 1e-3 * inr.codec.info(data).bpp

    assert loss(60) < 0.8 * loss(1)


def test_the_last_layer_is_that_of_all_tiles(monkeypatch):
    """A picture of four tiles has one change, which lowers its error."""
    monkeypatch.setattr("inr.codec.tiles.LARGEST_SIDE", 16)
    image = small_codec.picture((24, 20))
    data = inr.codec.encode(image, quality=100, **OPTIONS)
    header, parts = container.unpack(data)
    assert any(header.change)

    def error(change):
        file = container.pack(header._replace(change=change), parts)
        return float(jnp.square(decode(file) - image).mean())

    assert error(header.change) < 0.9 * error(b"")


def test_more_quality_is_more_bytes_and_less_error():
    image = small_codec.picture((24, 20))
    files = [
        inr.codec.encode(image, quality=q, **OPTIONS | {"num_steps": 40})
        for q in (10, 90)
    ]
    assert len(files[0]) < len(files[1])
    errors = [float(jnp.square(decode(f) - image).mean()) for f in files]
    assert errors[0] > errors[1]


@pytest.mark.parametrize("limit", [400, 2000])
def test_a_file_has_at_most_file_bytes(limit):
    image = pictures.picture("cat")
    data = inr.codec.encode(image, file_bytes=limit, num_steps=60, progress=False)
    assert 0.85 * limit < len(data) <= limit


def test_gray_pictures_stay_gray():
    gray = small_codec.picture((24, 20), 1)
    data = inr.codec.encode(gray[..., 0], **OPTIONS)
    assert decode(data).shape == (24, 20, 1)
    rgb = inr.codec.encode(np.repeat(gray, 3, -1), **OPTIONS)
    expected = inr.color.rgb_to_luma(decode(rgb))
    np.testing.assert_allclose(decode(data), expected, atol=1.01 / 255)


@pytest.mark.parametrize("size", [(1, 1), (3, 17)])
def test_odd_sizes(size):
    data = inr.codec.encode(small_codec.picture(size), **OPTIONS)
    assert decode(data).shape == (*size, 3)


def test_tiles_are_decoded_alone(monkeypatch):
    monkeypatch.setattr("inr.codec.tiles.LARGEST_SIDE", 16)
    image = small_codec.picture((24, 20))
    data = inr.codec.encode(image, **OPTIONS)
    assert inr.codec.info(data).num_tiles == 4
    whole = decode(data)
    header, parts = container.unpack(data)
    tile = container.pack(header._replace(size=(12, 10)), parts[:1])
    np.testing.assert_array_equal(whole[:12, :10], decode(tile))
    part = decode(data, region=((0.25, 0.25), (0.75, 0.75)))
    np.testing.assert_array_equal(part, whole[6:18, 5:15])
    field = inr.codec.decode_field(data, model=small_codec.codec())
    pixels = inr.render(field, (24, 20), progress=False).clip(0, 1)
    np.testing.assert_allclose(whole, pixels, atol=0.51 / 255)


def test_a_search_resumes_from_its_checkpoint(tmp_path):
    image = small_codec.picture((24, 20))
    options = OPTIONS | {"checkpoint": tmp_path}
    first = inr.codec.encode(image, **options)
    assert inr.codec.encode(image, **options) == first


def test_another_model_is_refused(data):
    other = small_codec.codec()
    params = {"params": dict(other.params["params"])}
    params["params"]["synthesis"] = {
        **params["params"]["synthesis"],
        "output": {"kernel": jnp.ones((16, 3))},
    }
    with pytest.raises(ValueError, match="Give the model that encoded"):
        inr.codec.decode(data, model=other._replace(params=params))


@pytest.mark.parametrize(
    ("image", "options", "text"),
    [
        (np.zeros((4, 4, 4), np.float32), {}, "no alpha"),
        (np.zeros((4, 4, 2), np.float32), {}, "`image`"),
        (np.zeros((4, 4), np.float32), {"bpp": 1, "quality": 3}, "`bpp`"),
        (np.zeros((4, 4), np.float32), {"quality": 101}, "`quality`"),
        (np.zeros((4, 4), np.float32), {"file_bytes": 30}, "`file_bytes`"),
        (np.zeros((4, 4), np.float32), {"minutes": 0}, "`minutes`"),
    ],
)
def test_bad_calls_are_named(image, options, text):
    with pytest.raises(ValueError, match=text):
        inr.codec.encode(image, **OPTIONS | options)


def test_a_missing_range_coder_is_found_before_the_search(monkeypatch):
    monkeypatch.setitem(sys.modules, "constriction", None)
    monkeypatch.setattr("inr.codec.search.start", None)
    with pytest.raises(ImportError, match=r"inr\[codec\]"):
        inr.codec.encode(small_codec.picture((8, 8)), **OPTIONS)
