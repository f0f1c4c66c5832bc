"""The option `sharding` of verbs for one image, on eight virtual devices."""

import eight_devices
import pytest

CODE = """
import tempfile
from inr import codec, references
from inr.codec import search
from inr.references import verbs
from small_codec import codec as small_codec, networks as small_networks
from small_diffusion import random_model
from small_transformer import photo, transformer

gray = photo(0, 16, 16)[..., :1]
pair(
    "colorize samples",
    lambda s: inr.colorize_samples(
        jax.random.key(6), gray, num_samples=2, model=random_model(), sharding=s
    ),
    explicit,
)

def reference_memory(sharding):
    arguments = loaded.params, photo(0, 32, 24), [photo(1, 96, 64)], None
    if sharding is not None:
        arguments = jax.device_put(arguments, split.replicated)
    program = verbs._generate.lower(loaded.model, *arguments, sharding).compile()
    return program.memory_analysis().temp_size_in_bytes

loaded = transformer(4)
sizes = [reference_memory(s) for s in (None, split.rows)]
report["reference memory"] = sizes[1] / sizes[0]
low, others = photo(0, 13, 11), [photo(1, 36, 28), photo(2, 20, 44)]
pair(
    "upscale by reference",
    lambda s: inr.upscale_by_reference(low, others, model=loaded, sharding=s),
    explicit,
)
match = [
    references.match_references(low, others, model=loaded, sharding=s)
    for s in (None, two_axes)
]
report["match"] = [float(abs(np.subtract(*x)).max()) for x in zip(*match, strict=True)]
hole = np.zeros((26, 31), bool)
hole[10:20, 5:16] = True
pair(
    "inpaint",
    lambda s: inr.inpaint(
        photo(3, 26, 31), hole, model=transformer(1), sharding=s
    ),
    explicit,
)
report["membrane"] = error(
    lambda: inr.inpaint(photo(3, 26, 31), hole, method="membrane", sharding=explicit)
)

parts = generator.random((8, 14, 15, 3), np.float32)
shared, rows = _sharding.to_devices(split, small_networks(), parts)
def searched(networks, tile, split):
    state = search.start(networks, tile, 1e-3, split)
    options = dict(networks=networks, tile=tile, total=12, target=3.0, split=split)
    return search.advance(state, 12, **options).state

states = search.states_of_tiles(searched(shared, rows, split))
alone = [searched(small_networks(), part, None) for part in parts]
report["search"] = [
    float(abs(np.subtract(x, y)).max())
    for x, y in zip(*map(jax.tree.leaves, (states, alone)), strict=True)
]
codec.tiles.LARGEST_SIDE = 16
image = generator.random((40, 50, 3), np.float32)
options = dict(model=small_codec(), num_steps=4, progress=False)
with tempfile.TemporaryDirectory() as folder:
    # Twelve tiles on eight devices; the second call resumes from the checkpoint.
    files = [
        codec.encode(image, sharding=s, checkpoint=folder, **options)
        for s in (None, explicit, explicit)
    ]
report["files"] = [file == files[0] for file in files]
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def report():
    return eight_devices.report(CODE)


@pytest.mark.parametrize(
    "name", ["colorize samples", "upscale by reference", "match", "inpaint", "search"]
)
def test_eight_devices_agree_with_one(report, name):
    assert report["devices"] == 8
    assert max(report[name]) < (1e-3 if name == "search" else 1e-5)


def test_devices_split_an_image_and_its_references(report):
    assert report["reference memory"] < 0.5


def test_tiles_searched_by_eight_devices_give_the_same_file(report):
    assert report["files"] == [True] * 3


def test_a_membrane_is_one_problem(report):
    assert report["membrane"].startswith("`sharding` must be None for a membrane")
