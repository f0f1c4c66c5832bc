import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn
from support import refuses

import inr
from inr import training

PARAMS = {"w": jnp.array([1.0, -2.0]), "b": jnp.array(0.5)}


def linear_loss(params, key, batch):
    """A loss whose gradient is the batch, for all parameters."""
    value = sum(jnp.vdot(params[name], batch[name]) for name in params)
    return value, {"sum": params["w"].sum()}


def gradients(number, scale=1.0):
    generator = np.random.default_rng(0)
    return [
        {
            "w": jnp.asarray(scale * generator.standard_normal(2), jnp.float32),
            "b": jnp.asarray(scale * generator.standard_normal(), jnp.float32),
        }
        for _ in range(number)
    ]


compiled = jax.jit(training.train_step, static_argnames=("loss", "optimizer"))


def run(batches, *, loss=linear_loss, params=PARAMS, optimizer=None, **options):
    optimizer = optax.sgd(0.1) if optimizer is None else optimizer
    step = options.pop("step", compiled)
    states = [training.init_training(params, optimizer=optimizer)]
    infos = []
    for batch in batches:
        state, info = step(
            jax.random.key(0), states[-1], batch, loss, optimizer=optimizer, **options
        )
        states.append(state)
        infos.append(info)
    return states, infos


def test_the_average_agrees_with_its_closed_form():
    batches = gradients(40)
    states, infos = run(batches, ema_decay=0.8)
    w, ema = np.array([1.0, -2.0]), np.array([1.0, -2.0])
    for i, batch in enumerate(batches):
        w = w - 0.1 * np.asarray(batch["w"])
        decay = min(0.8, (1 + i) / (10 + i))
        ema = decay * ema + (1 - decay) * w
        np.testing.assert_allclose(states[i + 1].params["w"], w, atol=1e-5)
        np.testing.assert_allclose(states[i + 1].ema["w"], ema, atol=1e-5)
    # With a constant decay, the average is a sum weighted by powers of the decay.
    late = np.stack([state.params["w"] for state in states[36:]])
    powers = 0.2 * 0.8 ** np.arange(len(late))[::-1, None]
    expected = 0.8 ** len(late) * states[35].ema["w"] + (powers * late).sum(0)
    np.testing.assert_allclose(states[-1].ema["w"], expected, atol=1e-5)
    np.testing.assert_allclose(infos[0].metrics["sum"], -1.0)


def test_info_has_the_unclipped_norm_and_adam_the_clipped_gradient():
    optimizer = training.warmup_adam(10, max_norm=0.5)
    for scale, clipped in ((100.0, True), (0.01, False)):
        batch = gradients(1, scale)[0]
        states, infos = run([batch], optimizer=optimizer)
        norm = np.sqrt(sum(float(jnp.sum(x**2)) for x in batch.values()))
        np.testing.assert_allclose(infos[0].gradient_norm, norm, rtol=1e-5)
        factor = 0.5 / norm if clipped else 1.0
        moment = optax.tree.get(states[1].opt_state, "mu")
        np.testing.assert_allclose(moment["w"], 0.1 * factor * batch["w"], rtol=1e-5)


def test_the_learning_rate_warms_up_and_decays():
    # With a constant gradient, Adam's updates equal the learning rate.
    batch = {"w": jnp.array([1.0, -3.0]), "b": jnp.array(2.0)}
    optimizer = training.warmup_adam(20, learning_rate=0.01, warmup_steps=5)
    states, _ = run([batch] * 20, optimizer=optimizer)
    moves = -np.diff([float(state.params["b"]) for state in states])
    expected = [0.002 * (i + 1) for i in range(5)]
    expected += [0.005 * (1 + np.cos(np.pi * i / 15)) for i in range(15)]
    np.testing.assert_allclose(moves, expected, atol=2e-6)
    assert training.warmup_adam(20) is training.warmup_adam(20)


@pytest.mark.slow
def test_other_collections_stay_constant(key):
    model = inr.Siren(width=8, depth=1)
    points = inr.coords.grid((4, 4)).reshape(-1, 2)
    params = model.init(key, points)
    params["normalization"]["coords_scale"] *= 0.7

    def loss(params, key, batch):
        return jnp.mean((model.apply(params, points) - batch) ** 2), {}

    states, _ = run([jnp.ones((16, 1))] * 3, loss=loss, params=params)
    for tree in (states[-1].params, states[-1].ema):
        chex.assert_trees_all_equal(tree["normalization"], params["normalization"])
        assert not np.allclose(
            tree["params"]["sine_0"]["kernel"], params["params"]["sine_0"]["kernel"]
        )


def root_loss(params, key, batch):
    """A loss that is finite at zero, where its gradient is not."""
    return jnp.sqrt(jnp.abs(params["w"]) * batch).sum(), {}


@pytest.mark.parametrize("bad", ["loss", "gradient"])
def test_nothing_changes_after_a_step_that_is_not_finite(bad):
    if bad == "loss":
        batches = gradients(6)
        batches[3] = {**batches[3], "b": jnp.array(np.nan)}
        states, infos = run(batches)
    else:
        batches = [jnp.array(x) for x in (1.0, 1.0, 1.0, 0.0, 1.0, 1.0)]
        states, infos = run(batches, loss=root_loss, params={"w": PARAMS["w"]})
        assert np.isfinite(infos[3].loss)
        assert not np.isfinite(infos[3].gradient_norm)
    assert [bool(state.finite) for state in states] == [True] * 4 + [False] * 3
    for state in states[4:]:
        chex.assert_trees_all_equal(state._replace(finite=states[3].finite), states[3])


@pytest.mark.slow
def test_keys_differ_between_steps_and_scan_equals_the_loop(key):
    def loss(params, key, batch):
        draw = jax.random.normal(key)
        return jnp.sum(params["w"]) * draw, {"draw": draw}

    params, optimizer = {"w": PARAMS["w"]}, optax.sgd(0.1)
    batches, plain = [jnp.zeros(())] * 5, training.train_step
    states, infos = run(batches, loss=loss, params=params, step=plain)
    draws = [float(info.metrics["draw"]) for info in infos]
    assert len(set(draws)) == 5

    def body(state, batch):
        key = jax.random.key(0)
        return training.train_step(key, state, batch, loss, optimizer=optimizer)

    state = training.init_training(params, optimizer=optimizer)
    last, scanned = jax.jit(lambda s: jax.lax.scan(body, s, jnp.zeros(5)))(state)
    np.testing.assert_allclose(scanned.metrics["draw"], draws, rtol=1e-6)
    chex.assert_trees_all_close(last, states[-1], rtol=1e-5)


class Mixed(nn.Module):
    @nn.compact
    def __call__(self, x):
        h = nn.relu(nn.Dense(16, dtype=jnp.bfloat16)(x))
        return nn.Dense(1, dtype=jnp.bfloat16)(h).astype(jnp.float32)


@pytest.mark.slow
def test_a_bfloat16_model_keeps_a_float32_state(key):
    x = jax.random.normal(key, (32, 3))
    model = Mixed()

    def loss(params, key, batch):
        return jnp.mean((model.apply(params, batch) - batch[:, :1]) ** 2), {}

    optimizer = optax.adam(1e-2)
    params = model.init(key, x)
    step = lambda state: training.train_step(  # noqa: E731
        key, state, x, loss, optimizer=optimizer
    )
    state = training.init_training(params, optimizer=optimizer)
    products = [
        line
        for line in str(jax.make_jaxpr(step)(state)).splitlines()
        if "dot_general" in line
    ]
    assert products
    assert all("bf16[" in line for line in products)
    first = None
    for _ in range(60):
        state, info = jax.jit(step)(state)
        first = info.loss if first is None else first
    assert float(info.loss) < 0.5 * float(first)
    dtypes = {x.dtype for x in jax.tree.leaves(state)}
    assert dtypes == {jnp.dtype(name) for name in ("float32", "int32", "bool")}


def test_bfloat16_parameters_and_invalid_options_are_refused():
    for params in ({"w": jnp.ones(2, jnp.bfloat16)}, {"w": jnp.ones(2, int)}):
        with refuses("`params` must be at least float32"):
            training.init_training(params, optimizer=optax.sgd(0.1))
    with refuses("`warmup_steps`"):
        training.warmup_adam(10, warmup_steps=11)
    with refuses("`max_norm`"):
        training.warmup_adam(10, max_norm=0)
