"""The option `sharding`, on eight virtual devices of one process."""

import eight_devices
import jax
import numpy as np
import pytest
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
from support import refuses

from inr import _sharding

CODE = """
import tempfile
from jax.sharding import NamedSharding, PartitionSpec
from inr import diffusion, fitting, meta, upscaling

from inr.models import LoadedModel
from inr.rendering import tiles

points = generator.uniform(-1, 1, (1001, 2)).astype(np.float32)
values = np.sin(3 * points)
model = inr.Siren(features=2, width=16, depth=1)

def fit(sharding, **options):
    return inr.fit(
        jax.random.key(0), model, (points, values), num_steps=20, sharding=sharding,
        progress=False, **options,
    ).history

pair("fit", fit, explicit, NamedSharding(two_axes, PartitionSpec("rows")))
pair("fit batches", lambda s: fit(s, batch_size=100), explicit)

terms = (jnp.asarray(points), jnp.asarray(values))
state = fitting.init_fit(jax.random.key(0), model, terms)
step = jax.jit(
    lambda state, sharding: fitting.fit_step(
        jax.random.key(1), state, model, terms, sharding=sharding
    ),
    static_argnums=1,
)
report["step"] = step.lower(state, split.rows).compile().as_text().count("all-reduce(")

def fit_many(sharding, b=8):
    signals = points[:64], generator.random((b, 64, 2), np.float32)
    return inr.fit_many(
        jax.random.key(0), model, signals, num_steps=2, sharding=sharding,
        progress=False,
    )

many = fit_many(explicit)
report["fields on devices"] = [
    len(x.devices()) for x in jax.tree.leaves(many.params["params"])
]
report["nine fields"] = error(lambda: fit_many(explicit, b=9))

params = model.init(jax.random.key(2), jnp.zeros((1, 2)))
field = inr.bind(model, params)
whole = dict(points=2**16, antialias=1)
zeros, ones = np.zeros(2, np.int32), np.ones(2, np.float32)

def compiled(sharding):
    arguments = field, zeros, zeros + 256, -ones, ones / 128
    if sharding is not None:
        arguments = jax.device_put(arguments, split.replicated)
    return tiles.tile.lower(*arguments, **whole, sharding=sharding).compile()

sizes = [compiled(s).memory_analysis().temp_size_in_bytes for s in (None, split.rows)]
report["memory"] = sizes[1] / sizes[0]
report["collectives"] = [
    name for name in ("all-gather", "all-reduce", "all-to-all", "collective-permute")
    if name in compiled(split.rows).as_text()
]
for name, size in dict(one=(37, 41), many=(300, 301)).items():
    pair("render " + name, lambda s: inr.render(field, size, sharding=s), explicit)
out = np.zeros((37, 41, 2), np.float32)
inr.render(field, (37, 41), sharding=two_axes, out=out)
report["out"] = float(abs(out - inr.render(field, (37, 41))).max())

upscaler = upscaling.Upscaler(width=6, blocks=1, waves=3)
image = generator.random((40, 50, 3), np.float32)
inputs = jax.tree.map(
    lambda x: jnp.zeros(x.shape, x.dtype), upscaler.example_inputs()
)
loaded = LoadedModel(upscaler, upscaler.init(jax.random.key(3), *inputs))
upscaling.blockwise._SIDES = (16,)
for scale in (2, 1.5):
    pair(
        f"upscale {scale}",
        lambda s: inr.upscale(image, scale, model=loaded, sharding=s, progress=False),
        explicit,
    )

gray = image[:16, :16, :1]
pair(
    "colorize", lambda s: inr.colorize(gray, size=(24, 30), sharding=s), explicit
)

schedule = diffusion.cosine_schedule(8)
def denoiser(x, t, weight):
    return jnp.tanh(x * weight)

def draw(sharding, b=16, wrap=lambda x: x):
    return wrap(diffusion.sample(
        jax.random.key(5), denoiser, jax.random.normal(jax.random.key(4), (b, 6)),
        schedule=schedule, sampler=diffusion.ddpm(), predicts="x0",
        condition=jnp.linspace(0.5, 1, b)[:, None], sharding=sharding,
    ))

pair("sample", draw, explicit)

crops = generator.random((10, 8, 8, 1), np.float32)
siren = inr.Siren(features=1, width=8, depth=1)
modulated = inr.Modulated(features=1, model=siren, latent_shape=(4,))
encoder = meta.SetEncoder(width=8, depth=1)
hypernetwork = meta.Hypernetwork(encoder=encoder, model=modulated)

def flat(tree):
    return np.concatenate([np.ravel(x) for x in jax.tree.leaves(tree)])

def learn(sharding, model=siren, method="reptile", **options):
    return meta.learn_init(
        jax.random.key(0), model, crops, method=method, num_steps=4, inner_steps=2,
        sharding=sharding, progress=False, **options,
    )

def learned(*arguments, **options):
    def trees(sharding):
        start = learn(sharding, *arguments, **options)
        return flat((start.params, start.rates))

    return trees

pair("learn shared", learned(siren, "shared"), explicit)
pair("learn reptile", learned(siren, "reptile", batch_size=3), two_axes)
pair("learn maml", learned(modulated, "maml", num_points=16), explicit)
pair("learn encoder", learned(hypernetwork, "encoder", batch_size=10), explicit)

with tempfile.TemporaryDirectory() as folder:
    # A run on eight devices continues on one.
    options = dict(num_points=16, checkpoint=folder)
    stored = [learned(siren, "maml", **options)(s) for s in (explicit, explicit, None)]
report["resumed"] = float(max(abs(x - stored[0]).max() for x in stored))

problem = meta.objectives.Problem(siren, "maml", 2, 8, None)
layers = siren.init(jax.random.key(0), jnp.zeros((1, 2)))
fixed = {name: x for name, x in layers.items() if name != "params"}
step = jax.jit(
    lambda key, trained, data, split: meta.objectives.value_and_gradient(
        problem, key, trained, fixed, data, split
    ),
    static_argnums=3,
)
data = meta.signals.as_signals(crops, between=False)
trained = meta.objectives.init_trained(problem, layers, 10)
programs = [
    step.lower(jax.random.key(0), trained, data, s).compile() for s in (None, split)
]
report["meta step"] = programs[1].as_text().count("all-reduce(")
sizes = [x.memory_analysis().temp_size_in_bytes for x in programs]
report["meta memory"] = sizes[1] / sizes[0]
report["noise"] = error(lambda: learn(explicit, method="noise"))

start, predictor = learn(None, modulated, "maml"), learn(None, hypernetwork, "encoder")
mask = generator.random((8, 8)) < 0.5
for number in (3, 8):
    signals = crops[:number]
    pair(
        f"encode {number}",
        lambda s: meta.encode(start, signals, mask=mask, sharding=s), explicit,
    )
    pair(
        f"predict {number}",
        lambda s: meta.encode(predictor, signals, sharding=s), explicit,
    )
    pair(
        f"adapt {number}",
        lambda s: flat(meta.adapt(start, signals, sharding=s).params), explicit,
    )
latents = meta.encode(start, crops[:8], sharding=explicit)
report["latents on devices"] = len(latents.devices())

small = inr.HashGrid(features=1, width=8, depth=1, levels=2, log2_table_size=6)
options = dict(model=small, num_steps=4, batch_size=50, progress=False)
pair(
    "fit audio",
    lambda s: inr.fit_audio(
        jax.random.key(0), values[:, :1], sharding=s, **options
    ).history,
    explicit,
)
pair(
    "fit video",
    lambda s: inr.fit_video(
        jax.random.key(0), crops[:3], sharding=s, **options
    ).history,
    explicit,
)
pair(
    "fit gradient",
    lambda s: inr.signals.fit_gradient(
        jax.random.key(0), inr.poisson.grid_gradient(crops[0]), model=siren,
        num_steps=4, sharding=s, progress=False,
    ).history,
    explicit,
)
result = draw(explicit)
report["sample shards"] = [s.data.shape for s in result.addressable_shards]
report["nine samples"] = error(lambda: draw(explicit, b=9))
"""


@pytest.fixture(scope="module")
def report():
    return eight_devices.report(CODE)


EQUAL = (
    "fit",
    "fit batches",
    "render one",
    "render many",
    "upscale 2",
    "upscale 1.5",
    "colorize",
    "sample",
    "learn shared",
    "learn reptile",
    "learn maml",
    "learn encoder",
    "encode 3",
    "encode 8",
    "predict 3",
    "predict 8",
    "adapt 3",
    "adapt 8",
    "fit audio",
    "fit video",
    "fit gradient",
)


@pytest.mark.slow
@pytest.mark.parametrize("name", EQUAL)
def test_eight_devices_agree_with_one(report, name):
    assert report["devices"] == 8
    loose = "fit" in name or "learn" in name
    assert max(report[name]) < (1e-3 if loose else 1e-5)


@pytest.mark.slow
def test_a_step_adds_gradients_of_all_devices(report):
    assert report["step"] >= 1
    assert report["meta step"] >= 1
    assert report["meta memory"] < 0.5


@pytest.mark.slow
def test_fields_and_samples_lie_on_all_devices(report):
    assert set(report["fields on devices"]) == {8}
    assert report["sample shards"] == 8 * [[2, 6]]
    assert report["latents on devices"] == 8


@pytest.mark.slow
def test_a_checkpoint_of_eight_devices_is_read_on_one(report):
    assert report["resumed"] == 0


@pytest.mark.slow
def test_a_tile_takes_an_eighth_of_the_memory_and_no_communication(report):
    assert report["memory"] < 0.2
    assert report["collectives"] == []
    assert report["out"] < 1e-5


@pytest.mark.slow
def test_numbers_that_the_devices_do_not_divide_are_refused_by_name(report):
    assert report["nine fields"].startswith("`signals` must be a multiple of 8")
    assert report["nine samples"].startswith("`x_T` must be a multiple of 8")
    assert report["noise"].startswith("`sharding` must be None for method='noise'")


def mesh():
    return jax.make_mesh((1, 1), ("a", "b"))


def test_a_mesh_stands_for_all_its_axes():
    split = _sharding.as_split("sharding", mesh())
    assert split.rows.spec == PartitionSpec(("a", "b"))
    assert split.replicated.spec == PartitionSpec()
    assert split.count == 1
    assert set(split.rows.mesh.axis_types) == {AxisType.Auto}


@pytest.mark.parametrize("spec", [(), (None, "a"), ("a", "b")])
def test_a_sharding_splits_the_leading_axis_alone(spec):
    with refuses("`sharding` must be a split of the leading axis over 'a', 'b'"):
        _sharding.as_split("sharding", NamedSharding(mesh(), PartitionSpec(*spec)))


def test_an_abstract_mesh_is_refused():
    sharding = NamedSharding(mesh().abstract_mesh, PartitionSpec("a"))
    with refuses("`sharding` must be on a mesh of devices"):
        _sharding.as_split("sharding", sharding)


def test_rows_that_are_not_an_array_are_refused():
    split = _sharding.as_split("sharding", Mesh(np.asarray(jax.devices()[:1]), "a"))
    with refuses("`batches` must be arrays of a multiple of 1 rows"):
        _sharding.from_local_rows("batches", split, {"x": np.float32(3)})
