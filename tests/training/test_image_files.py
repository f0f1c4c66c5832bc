import numpy as np
import pytest
from PIL import Image
from support import refuses

from inr import pretrained, training
from inr.training import image_files


def write(path, array):
    Image.fromarray(array).save(path)
    return path


def photos(count=400, crops=3):
    """File names of a folder of photos with several crops of each."""
    return [
        f"source{i % 5}_{i:04d}_{j}.webp" for i in range(count) for j in range(crops)
    ]


def photo(name):
    return name.rsplit("_", 1)[0]


def person(name):
    """Label of a portrait: the id that all portraits of a person share."""
    parts = name.split("_")[1:]
    return parts[2] if parts[0] in ("neutral", "smiling") else parts[-1]


def test_files_of_all_kinds_become_uint8_rgb(tmp_path):
    generator = np.random.default_rng(0)
    rgb = generator.integers(0, 256, (6, 5, 3), np.uint8)
    rgba = np.dstack([rgb, np.full((6, 5), 255, np.uint8)])
    deep = generator.integers(0, 2**16, (6, 5), np.uint16)
    images = training.ImageFiles(
        [
            write(tmp_path / "rgb.png", rgb),
            write(tmp_path / "gray.png", rgb[..., 0]),
            write(tmp_path / "rgba.png", rgba),
            write(tmp_path / "deep.png", deep),
        ]
    )
    assert len(images) == 4
    assert {x.dtype for x in images} == {np.dtype(np.uint8)}
    np.testing.assert_array_equal(images[0], rgb)
    np.testing.assert_array_equal(images[1], np.repeat(rgb[..., :1], 3, -1))
    np.testing.assert_array_equal(images[2], rgb)
    expected = np.rint(deep / 257.0).astype(np.uint8)
    np.testing.assert_array_equal(images[-1][..., 1], expected)
    with pytest.raises(IndexError):
        images[4]


def test_files_are_decoded_once_while_they_fit(tmp_path, monkeypatch):
    image = np.zeros((4, 4, 3), np.uint8)
    paths = [write(tmp_path / f"{i}.png", image) for i in range(3)]
    decoded = []

    def read(path):
        decoded.append(path.name)
        return read_image(path)

    read_image = image_files.read_image
    monkeypatch.setattr(image_files, "read_image", read)
    images = training.ImageFiles(paths, max_bytes=2 * image.nbytes)
    for _ in range(3):
        for i in range(3):
            images[i]
    assert decoded.count("0.png") == decoded.count("1.png") == 1
    assert decoded.count("2.png") == 3
    assert not images[0].flags.writeable  # A change would stay in the cache.


def test_a_split_keeps_groups_together_and_loses_nothing():
    names = photos()
    train, held_out = training.split_by_hash(names, group=photo)
    assert sorted(train + held_out) == sorted(names)
    assert train == [n for n in names if n in set(train)]
    groups = [{n.rsplit("_", 1)[0] for n in side} for side in (train, held_out)]
    assert not groups[0] & groups[1]
    # A tenth of 400 groups, plus or minus three standard deviations.
    assert 40 - 18 <= len(groups[1]) <= 40 + 18


def test_a_split_is_stable():
    names = photos()
    held_out = set(training.split_by_hash(names, group=photo)[1])
    more = [f"new_{i}_0.webp" for i in range(200)] + names[::-1]
    assert set(training.split_by_hash(more, group=photo)[1]) & set(names) == held_out
    # Other crops, folders and formats of a photo stay on its side.
    renamed = ["folder/" + n.replace(".webp", "7.png") for n in names]
    held_out_again = training.split_by_hash(renamed, group=photo)[1]
    assert {
        n.removeprefix("folder/").replace("7.png", ".webp") for n in held_out_again
    } == held_out
    wider = set(training.split_by_hash(names, group=photo, fraction=0.3)[1])
    assert held_out < wider


def test_a_split_is_the_same_on_every_machine():
    # The hash of "a_5" is 0.004 of the range, that of "a_2" 0.898.
    sides = training.split_by_hash(["a_5_0", "a_2_0"], group=photo)
    assert sides == (["a_2_0"], ["a_5_0"])


def test_fractions_of_zero_and_one():
    names = photos(20)
    assert training.split_by_hash(names, group=photo, fraction=0.0) == (names, [])
    assert training.split_by_hash(names, group=photo, fraction=1.0) == ([], names)
    with refuses("`fraction`"):
        training.split_by_hash(names, group=photo, fraction=10)


def test_the_held_out_portraits_are_those_of_the_model_card():
    card = pretrained.card("portraits")
    assert "2,324 of 2,590 official portraits" in card
    sources = pretrained.file("portraits").with_name("portraits_sources.tsv")
    lines = sources.read_text(encoding="utf-8").splitlines()[1:]
    names = [
        f"{source}_{label}.webp"
        for source, labels in (line.split("\t") for line in lines)
        for label in labels.split()
    ]
    train, held_out = training.split_by_hash(names, group=person)
    assert (len(train), len(held_out)) == (2324, 266)
    assert not {person(n) for n in train} & {person(n) for n in held_out}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("folder", "group"), [("photos", photo), ("portraits", person)]
)
def test_real_folders_are_split_by_photo_and_by_person(data_folder, folder, group):
    import inr

    paths = inr.list_images(data_folder / folder)
    sides = training.split_by_hash(paths, group=group)
    train, held_out = ({group(path.stem) for path in side} for side in sides)
    assert not train & held_out
    assert 0.06 < len(held_out) / (len(train) + len(held_out)) < 0.14


def test_pairs_have_two_different_images_of_one_group():
    images = [np.full((2, 3, 3), i, np.uint8) for i in range(7)]
    groups = ["a", "b", "a", "c", "a", "b", "a"]
    pairs = training.ImagePairs(images, groups, max_partners=2)
    indices = [tuple(pair[0, 0, [0, 3]].tolist()) for pair in pairs]
    # Group a has 0, 2, 4, 6, each paired with the next two; b has 1 and 5; c has 3.
    expected = [(0, 2), (0, 4), (2, 4), (2, 6), (4, 6), (4, 0), (6, 0), (6, 2)]
    assert sorted(indices) == sorted([*expected, (1, 5), (5, 1)])
    assert pairs[0].shape == (2, 3, 6)
    for options, message in (
        ({"groups": "ab"}, "`groups` must be one label for each of 7 images"),
        (
            {"groups": range(7)},
            "`groups` must be labels of which at least two are equal",
        ),
        ({"groups": groups, "max_partners": 0}, "`max_partners` must be"),
    ):
        with refuses(message):
            training.ImagePairs(images, **options)
