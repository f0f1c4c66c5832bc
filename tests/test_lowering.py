"""The main programs lower for accelerators, which needs none.

`jax.export` refuses operations that a platform lacks, callbacks to the host, and calls
of unknown libraries. What remains must be operations of StableHLO, or kernels of the
accelerators themselves.
"""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_restorer import SMALL
from small_transformer import module as small_transformer
from test_families import FAMILIES, build

import inr
from inr import (
    calculus,
    colorization,
    diffusion,
    fitting,
    meta,
    poisson,
    references,
    training,
    upscaling,
)
from inr.codec import Codec, search
from inr.codec.networks import at_position
from inr.codec.training import init_networks
from inr.meta.adaptation import _adapt as adapt_rows
from inr.meta.objectives import Problem, init_trained
from inr.meta.signals import SignalSet
from inr.meta.starts import MetaState, _advance as advance
from inr.rendering import tiles
from inr.upscaling.network import Window, all_pixels

PLATFORMS = ("cuda", "rocm", "tpu")
KERNELS = {
    "cu_threefry2x32_ffi",  # random bits
    "hip_threefry2x32_ffi",
    "cusolver_syevd_ffi",  # the coarsest grid of multigrid
    "hipsolver_syevd_ffi",
    "Eigh",
}

KEY = jax.random.key(0)
POINTS = jax.ShapeDtypeStruct((16, 2), jnp.float32)
INDEX = jax.ShapeDtypeStruct((2,), jnp.int32)
VECTOR = jax.ShapeDtypeStruct((2,), jnp.float32)
GRID = jax.ShapeDtypeStruct((16, 16, 1), jnp.float32)
GUIDANCE = jax.ShapeDtypeStruct((16, 16, 2, 1), jnp.float32)
MASK = np.pad(np.ones((8, 8), bool), 4)
SIREN = inr.Siren(features=1, width=8, depth=1)


def initial(model, *inputs):
    return jax.eval_shape(model.init, KEY, *inputs)


def field_of(model):
    return inr.BoundField(model, initial(model, POINTS))


def conditional(model):
    return model, initial(model, *model.example_inputs())


def fit_step(name):
    model = build(name)
    data = (POINTS, jax.ShapeDtypeStruct((16, 2), jnp.float32))
    state = jax.eval_shape(
        lambda coords: fitting.init_fit(KEY, model, (coords, coords)), POINTS
    )

    def step(key, state, data):
        return fitting.fit_step(key, state, model, data)

    return step, (KEY, state, data)


def render_tile():
    tile = functools.partial(tiles.tile, points=32, antialias=1)
    return tile, (field_of(SIREN), INDEX, INDEX, VECTOR, VECTOR)


def derivatives():
    def compute(field, coords):
        return (
            calculus.value_gradient_laplacian(field, coords),
            calculus.hessian(field, coords),
            calculus.axis_derivatives(field, coords),
        )

    return compute, (field_of(SIREN), POINTS)


def poisson_rectangle():
    return lambda guidance, mean: poisson.integrate(guidance, mean=mean), (
        GUIDANCE,
        jax.ShapeDtypeStruct((1,), jnp.float32),
    )


def poisson_masked(solver):
    def solve(rhs, values):
        return poisson.solve_masked(rhs, MASK, values, solver=solver).value

    return solve, (GRID, GRID)


def sampler(make):
    schedule = diffusion.cosine_schedule(8)

    def draw(key, x):
        return diffusion.sample(
            key,
            lambda x, t: jnp.tanh(x),
            x,
            schedule=schedule,
            sampler=make(),
            predicts="x0",
        )

    return draw, (KEY, POINTS)


def train_step(model, loss, crops):
    model, params = conditional(model)
    optimizer = training.warmup_adam(10)
    state = jax.eval_shape(
        functools.partial(training.init_training, optimizer=optimizer), params
    )

    def step(key, state, crops):
        return training.train_step(key, state, crops, loss, optimizer=optimizer)

    return step, (KEY, state, jax.ShapeDtypeStruct((2, *crops), jnp.uint8))


def train_restorer():
    loss = colorization.restorer_loss(SMALL, num_points=16)
    return train_step(SMALL, loss, (32, 32, 3))


def train_upscaler():
    model = upscaling.Upscaler(width=6, blocks=1, waves=3)
    loss = upscaling.upscaler_loss(model, side=8, target_side=32, num_points=16)
    return train_step(model, loss, (40, 40, 3))


def train_textures():
    model = small_transformer(4)
    return train_step(model, references.texture_loss(model, side=32), (32, 32, 6))


def restore():
    model, params = conditional(SMALL)

    def decode(params, gray, coords):
        return inr.bind(model, params, gray)(coords)

    return decode, (params, GRID, POINTS)


def enlarge():
    model, params = conditional(upscaling.Upscaler(width=6, blocks=1, waves=3))
    image = jax.ShapeDtypeStruct((16, 16, 3), jnp.float32)

    def decode(params, image):
        return all_pixels(model, params, 4, Window(image), (2, 2))

    return decode, (params, image)


def codec_step():
    """One step of the search for latents: synthesis, entropy model, and Adam."""
    networks = jax.eval_shape(lambda: at_position(init_networks(KEY, Codec()), 0.0))
    tile = jax.ShapeDtypeStruct((16, 16, 3), jnp.float32)

    def step(networks, tile, key):
        state = search.start(networks, tile, 1e-3)
        return search.take_step(state, networks, tile, 0.5, 1.0, key)

    return step, (networks, tile, KEY)


def textures(scale, *hole):
    """Search, transfer and decoder of a `TextureTransformer`, with a reference."""
    model, params = conditional(small_transformer(scale))
    image = jax.ShapeDtypeStruct((16, 16, 3), jnp.float32)
    return model.apply, (params, image, [image], *hole)


MODULATED = inr.Modulated(features=1, model=SIREN, latent_shape=(2,))
HYPERNETWORK = meta.Hypernetwork(
    encoder=meta.SetEncoder(width=4, depth=1), model=MODULATED
)


def meta_step(method, model):
    """One step of `learn_init`; of modulated fields with the choice of a warm-up."""
    problem = Problem(model, method, 2, 2, None)
    params = initial(model, POINTS)
    fixed = {name: x for name, x in params.items() if name != "params"}
    latents = jax.ShapeDtypeStruct((3, 2), jnp.float32) if model == MODULATED else None
    features = jax.ShapeDtypeStruct((3, 16, 1), jnp.float32)
    optimizer = fitting.default_optimizer()

    def start(params):
        trained = init_trained(problem, params, 3)
        return MetaState(jnp.int32(0), trained, optimizer.init(trained))

    def step(key, state, fixed, data):
        rates = {"learning_rate": 1e-3, "warmup_rate": 1e-3}
        return advance(
            key, state, problem, fixed, data, 1,
            split=None, num_steps=8, warmup_steps=4, **rates,
        )  # fmt: skip

    data = SignalSet(POINTS, features, None, None, latents)
    return step, (KEY, jax.eval_shape(start, params), fixed, data)


def meta_encode():
    params = initial(MODULATED, POINTS)
    rates = {"latent": VECTOR}
    start = inr.Init(MODULATED, params, rates)
    features = jax.ShapeDtypeStruct((3, 16, 1), jnp.float32)

    def encode(start, coords, features):
        return adapt_rows(start, coords, (features,), 3, None)["params"]["latent"]

    return encode, (start, POINTS, features)


PROGRAMS = {
    **{f"fit {name}": functools.partial(fit_step, name) for name in FAMILIES},
    "render": render_tile,
    "derivatives": derivatives,
    "poisson rectangle": poisson_rectangle,
    "poisson cg": functools.partial(poisson_masked, "cg"),
    "poisson dst": functools.partial(poisson_masked, "dst"),
    "poisson multigrid": functools.partial(poisson_masked, "multigrid"),
    "sample ddpm": functools.partial(sampler, diffusion.ddpm),
    "sample dpmpp": functools.partial(sampler, diffusion.dpmpp),
    "restore": restore,
    "upscale": enlarge,
    "train restorer": train_restorer,
    "train upscaler": train_upscaler,
    "train textures": train_textures,
    "codec step": codec_step,
    "upscale by reference": functools.partial(textures, 4),
    "inpaint": functools.partial(textures, 1, jax.ShapeDtypeStruct((16, 16), bool)),
    "meta shared": functools.partial(meta_step, "shared", SIREN),
    "meta maml": functools.partial(meta_step, "maml", MODULATED),
    "meta reptile": functools.partial(meta_step, "reptile", SIREN),
    "meta encoder": functools.partial(meta_step, "encoder", HYPERNETWORK),
    "meta encode": meta_encode,
}
FAST = {"fit siren", "render", "poisson rectangle", "sample ddpm"}
LONG = {"train textures"}


def lowered(function, arguments):
    """The text of a program for all platforms, and the names that it calls."""
    # Operations for another backend are chosen when the program is traced.
    jitted = function if hasattr(function, "lower") else jax.jit(function)
    text = jax.export.export(jitted, platforms=PLATFORMS)(*arguments).mlir_module()
    return text, set(re.findall(r"custom_call @([\w.]+)", text))


def parameter(name):
    slow = [] if name in FAST else [pytest.mark.slow]
    return pytest.param(name, marks=slow + [pytest.mark.long] * (name in LONG))


@pytest.mark.parametrize("name", [parameter(name) for name in PROGRAMS])
def test_a_program_lowers_for_accelerators(name):
    text, calls = lowered(*PROGRAMS[name]())
    assert "func.func public @main" in text
    assert calls <= KERNELS


def test_a_program_that_only_a_cpu_has_is_found():
    def on_host(x):
        return jax.pure_callback(np.sin, x, x)

    with pytest.raises(Exception, match="callback"):
        lowered(on_host, (POINTS,))
    matrix = jax.ShapeDtypeStruct((4, 4), jnp.float32)
    with pytest.raises(Exception, match="schur"):
        lowered(jax.scipy.linalg.schur, (matrix,))
