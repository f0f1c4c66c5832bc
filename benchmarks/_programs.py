"""The programs of `throughput.py`, each a function of the size."""

import dataclasses
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

import inr
from inr import colorization, fitting, training
from inr.codec import search
from inr.codec.networks import at_point
from inr.upscaling.network import Window, all_pixels

SIREN = inr.Siren(features=3, width=256, depth=3)
SMALL_SIREN = inr.Siren(features=3, width=64, depth=3)
KEY = jax.random.key(0)


@dataclasses.dataclass
class Job:
    """A program at growing sizes.

    Attributes:
      unit: what is counted.
      sizes: counts of a call.
      build: maps a size to a function and its arguments.
    """

    unit: str
    sizes: Sequence[int]
    build: Callable[[int], tuple[Callable, tuple]]


def points(n: int) -> jax.Array:
    return jax.random.uniform(KEY, (n, 2), minval=-1.0, maxval=1.0)


def fit(n: int) -> tuple[Callable, tuple]:
    coords = points(n)
    data = (coords, jnp.zeros((n, 3)))
    state = fitting.init_fit(KEY, SIREN, data)

    def step(state, coords, values):
        return fitting.fit_step(KEY, state, SIREN, (coords, values))[0]

    return step, (state, *data)


def fit_many(n: int) -> tuple[Callable, tuple]:
    coords = inr.coords.grid((32, 32)).reshape(-1, 2)
    values = jax.random.uniform(KEY, (n, 1024, 3))
    keys = jax.random.split(KEY, n)
    states = jax.vmap(
        lambda key, x: fitting.init_fit(key, SMALL_SIREN, (coords, x))
    )(keys, values)  # fmt: skip

    def step(keys, states, values):
        def one(key, state, x):
            return fitting.fit_step(key, state, SMALL_SIREN, (coords, x))[0]

        return jax.vmap(one)(keys, states, values)

    return step, (keys, states, values)


def field() -> inr.BoundField:
    return inr.bind(SIREN, SIREN.init(KEY, jnp.zeros((1, 2))))


def render(n: int) -> tuple[Callable, tuple]:
    return lambda field, coords: field(coords), (field(), points(n))


def derivatives(n: int) -> tuple[Callable, tuple]:
    return inr.value_gradient_laplacian, (field(), points(n))


def images(n: int, side: int, channels: int) -> jax.Array:
    return jax.random.uniform(KEY, (n, side, side, channels))


def upscale(n: int) -> tuple[Callable, tuple]:
    model, params = inr.models.load_model("upscale")

    def enlarge(params, images):
        return jax.vmap(lambda x: all_pixels(model, params, 1, Window(x), (2, 2)))(
            images
        )

    return enlarge, (params, images(n, 128, 3))


def colorize(n: int) -> tuple[Callable, tuple]:
    model, params = inr.models.load_model("portraits")
    coords = inr.coords.grid((128, 128))

    def restore(params, grays):
        return jax.vmap(lambda x: inr.bind(model, params, x)(coords))(grays)

    return restore, (params, images(n, 64, 1))


def sample(n: int) -> tuple[Callable, tuple]:
    params = SMALL_SIREN.init(KEY, jnp.zeros((1, 4)))

    def draw(params, noise):
        def denoiser(x, t):
            times = jnp.broadcast_to(t, (*x.shape[:-1], 1))
            return SMALL_SIREN.apply(params, jnp.concatenate([x, times], -1))

        return inr.diffusion.sample(
            KEY, denoiser, noise, schedule=inr.diffusion.cosine_schedule(1000),
            predicts="v", sampler=inr.diffusion.dpmpp(num_steps=20),
        )  # fmt: skip

    return draw, (params, jax.random.normal(KEY, (n, 3)))


def encode(n: int) -> tuple[Callable, tuple]:
    model = inr.Modulated(features=3, model=SMALL_SIREN, latent_shape=(64,))
    coords = inr.coords.grid((32, 32)).reshape(-1, 2)
    start = inr.Init(model, model.init(KEY, coords), {"latent": jnp.full(64, 0.2)})
    values = jax.random.uniform(KEY, (n, 1024, 3))

    # The verb compiles its own program.
    return inr.meta.encode, (start, (coords, values))


def train(n: int) -> tuple[Callable, tuple]:
    model = colorization.Restorer()
    inputs = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), model.example_inputs())
    optimizer = training.warmup_adam(100)
    state = training.init_training(model.init(KEY, *inputs), optimizer=optimizer)
    loss = colorization.restorer_loss(model)

    def step(state, crops):
        return training.train_step(KEY, state, crops, loss, optimizer=optimizer)[0]

    return step, (state, (255 * images(n, 128, 3)).astype(jnp.uint8))


def codec(n: int) -> tuple[Callable, tuple]:
    model, params = inr.models.load_model("codec")
    networks = at_point(params, model.point(1e-3))
    tile = images(1, round(n**0.5), 3)[0]
    state = search.start(networks, tile, 1e-3)

    def step(networks, state, tile):
        return search.take_step(state, networks, tile, 0.5, 0.0, KEY)

    return step, (networks, state, tile)


def textures(n: int) -> tuple[Callable, tuple]:
    # Small enough for one block of the search, so that its counts are those of all.
    model, params = inr.models.load_model("textures")

    def enlarge(params, images, references):
        return jax.vmap(lambda x, y: model.apply(params, x, [y]))(images, references)

    return enlarge, (params, images(n, 32, 3), images(n, 128, 3))


def poisson(n: int) -> tuple[Callable, tuple]:
    side = round(n**0.5)
    guidance = jax.random.normal(KEY, (side, side, 2, 1))
    return lambda x: inr.poisson.integrate(x, mean=0.5), (guidance,)


JOBS = {
    "fit": Job("point", [2**k for k in range(10, 18)], fit),
    "fit_many": Job("signal", [2**k for k in range(1, 8)], fit_many),
    "encode": Job("signal", [2**k for k in range(1, 8)], encode),
    "render": Job("point", [2**k for k in range(10, 19)], render),
    "derivatives": Job("point", [2**k for k in range(10, 17)], derivatives),
    "upscale": Job("image", [1, 2, 4, 8], upscale),
    "colorize": Job("image", [1, 2, 4, 8, 16], colorize),
    "sample": Job("point", [2**k for k in range(10, 18)], sample),
    "train": Job("image", [1, 2, 4, 8, 16], train),
    "codec": Job("pixel", [4**k for k in range(6, 11)], codec),
    "textures": Job("image", [1, 2, 4, 8], textures),
    "poisson": Job("pixel", [4**k for k in range(5, 12)], poisson),
}
LOOPS = {"sample"}
"""Programs whose loops are at all sizes, and whose operations are not counted."""
VERBS = {"encode"}
"""Functions that compile their own programs, of which nothing is counted."""
