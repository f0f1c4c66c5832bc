import itertools
import pathlib
import subprocess
import sys
import textwrap

import jax
import numpy as np
import pytest
from support import refuses

from inr import training
from inr.training import crops as _crops

pytest.importorskip("grain")


def coded(h, w, number=0):
    """An image whose channels are row, column and the number of the image."""
    y, x = np.mgrid[:h, :w]
    return np.stack([y, x, np.full_like(x, number)], -1).astype(np.uint8)


def batches(images, number, *, key=0, **options):
    options = {"batch_size": 4, "side": 8, **options}
    dataset = training.crop_batches(jax.random.key(key), images, **options)
    return list(itertools.islice(iter(dataset), number))


IMAGES = [coded(12 + i, 10 + i, i) for i in range(8)]


def test_batches_depend_on_the_key_alone():
    first, repeated, other = (batches(IMAGES, 6, key=k) for k in (1, 1, 2))
    np.testing.assert_array_equal(first, repeated)
    assert not np.array_equal(first, other)
    assert first[0].shape == (4, 8, 8, 3)
    assert first[0].dtype == np.uint8


def test_the_number_of_threads_does_not_matter(monkeypatch):
    expected = batches(IMAGES, 12)
    for threads in (1, 16):
        monkeypatch.setattr(_crops, "_NUM_THREADS", threads)
        np.testing.assert_array_equal(batches(IMAGES, 12), expected)


@pytest.mark.parametrize("position", range(6))
def test_an_iterator_resumes_at_any_batch(position):
    dataset = training.crop_batches(
        jax.random.key(0), IMAGES, batch_size=3, side=8, symmetry="square"
    )
    iterator = iter(dataset)
    for _ in range(position):
        next(iterator)
    state = iterator.get_state()
    expected = [next(iterator) for _ in range(4)]
    other = iter(dataset)
    next(other)
    other.set_state(state)
    np.testing.assert_array_equal([next(other) for _ in range(4)], expected)


@pytest.mark.parametrize(("number", "passes"), [(600, 1), (8, 64)])
def test_each_epoch_has_all_images_equally_often_in_its_own_order(number, passes):
    images = np.arange(number, dtype=np.int32).reshape(-1, 1, 1, 1)
    length = number * passes
    epochs = np.concatenate(batches(images, 2, batch_size=length, side=1)).reshape(
        2, length
    )
    expected = np.arange(number).repeat(passes)
    assert (np.sort(epochs) == expected).all()
    for epoch, other in (epochs, epochs[::-1]):
        assert not np.array_equal(epoch, other)
        assert not np.array_equal(epoch, np.sort(epoch))


def test_crops_are_parts_of_the_images_at_all_positions():
    positions = set()
    for crop in np.concatenate(batches([coded(10, 11)], 100, symmetry="none")):
        top, left = crop[0, 0, :2]
        np.testing.assert_array_equal(crop, coded(10, 11)[top : top + 8, left:][:, :8])
        positions.add((int(top), int(left)))
    assert positions == set(itertools.product(range(3), range(4)))


@pytest.mark.parametrize(("symmetry", "number"), [("mirror", 2), ("square", 8)])
def test_flips_and_rotations_are_equally_frequent(symmetry, number):
    image = coded(8, 8)
    crops = np.concatenate(batches([image], 200, symmetry=symmetry))
    names = [crop.tobytes() for crop in crops]
    expected = {
        np.ascontiguousarray(variant).tobytes()
        for k in range(4)
        for variant in (np.rot90(image, k), np.rot90(image, k)[:, ::-1])
    }
    if symmetry == "mirror":
        expected = {image.tobytes(), image[:, ::-1].tobytes()}
    assert set(names) == expected
    assert len(expected) == number
    share = np.array([names.count(name) for name in expected]) / len(names)
    deviation = np.sqrt((1 - 1 / number) / number / len(names))
    np.testing.assert_allclose(share, 1 / number, atol=4 * deviation)


def test_arrays_of_any_channels_pass_and_invalid_arguments_are_refused():
    gray = np.arange(2 * 9 * 9, dtype=np.float32).reshape(2, 9, 9, 1)
    assert batches(gray, 1)[0].shape == (4, 8, 8, 1)
    with pytest.raises(ValueError, match="`images` must be at least 8 x 8"):
        batches([coded(7, 20)], 1)
    with refuses("`images`"):
        batches([], 1)
    with refuses("`symmetry`"):
        batches(IMAGES, 1, symmetry="flip")
    with refuses("`batch_size`"):
        batches(IMAGES, 1, batch_size=0)


WORKERS = """
    import sys
    sys.path[:0] = {paths!r}

    def main():
        import grain, jax, numpy as np, itertools, test_crops as t
        from absl import flags
        from inr import training

        flags.FLAGS.mark_as_parsed()
        dataset = training.crop_batches(
            jax.random.key(0), t.IMAGES, batch_size=4, side=8
        )
        workers = dataset.mp_prefetch(grain.MultiprocessingOptions(num_workers=2))
        result = list(itertools.islice(iter(workers), 7))
        np.testing.assert_array_equal(result, t.batches(t.IMAGES, 7))

    if __name__ == "__main__":
        main()
"""


@pytest.mark.long
@pytest.mark.slow
def test_the_number_of_processes_does_not_matter(tmp_path):
    here = pathlib.Path(__file__)
    paths = [str(here.parents[2]), str(here.parents[1]), str(here.parent)]
    script = tmp_path / "workers.py"
    script.write_text(textwrap.dedent(WORKERS).format(paths=paths))
    subprocess.run([sys.executable, str(script)], check=True)
