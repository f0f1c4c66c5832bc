"""What each method of learning a start minimizes, with its gradient.

`trained` is what a method learns, and `Objective` a pure function of it. The methods:

- shared: all layers but the last are shared by all signals, and every signal has its
  own last layer, all fitted together [STRAINER, Vyas et al. 2024, arXiv:2409.09566].
- maml: the loss after some steps of gradient descent, with learned rates [Finn et al.
  2017, arXiv:1703.03400; for fields Tancik et al. 2021, arXiv:2012.02189].
- reptile: the direction to the parameters after some steps of Adam [Nichol et al. 2018,
  arXiv:1803.02999].
- noise: a fit of uniform noise, without data (arXiv:2602.06585).
- encoder: the loss of the field that a hypernetwork predicts from some of the samples.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from inr import _checks
from inr._sharding import Split, mean_of_rows
from inr._typing import Array, Key, Params
from inr.fields import OUTPUT_LAYER, Modulated
from inr.fitting import default_rates
from inr.meta.hypernetwork import predict
from inr.meta.inner import Batch, descend, loss_of, split
from inr.meta.signals import SignalSet

Method = Literal["shared", "reptile", "maml", "first_order_maml", "noise", "encoder"]
"""How a start is learned; see `learn_init`."""

Trained: TypeAlias = Mapping[str, Any]

INNER_RATE_OF_LATENTS = 0.2
"""First rate of gradient descent on latents."""

_INNER_RATE = 1e-3  # Larger ones diverge for the layers of a SIREN.
_WARMUP_FACTOR = 4
_STEP_OF_RATES = 100.0  # a step of Adam of 1e-4 changes a rate by 1 %


class Problem(NamedTuple):
    """Static options of a method, which hash by value."""

    model: nn.Module
    method: Method
    inner_steps: int
    batch_size: int
    num_points: int | None


def init_trained(problem: Problem, params: Params, num_signals: int) -> Trained:
    """Initial value of what a method learns."""
    layers = params["params"]
    if problem.method in ("shared", "noise"):
        if OUTPUT_LAYER not in layers:
            expected = (
                f"one whose last layer is named {OUTPUT_LAYER!r} for method='shared'"
            )
            got = f"the layers {', '.join(sorted(layers))}"
            raise _checks.fail("model", expected, got, "Use method='maml'.")
        encoder = {name: x for name, x in layers.items() if name != OUTPUT_LAYER}
        heads = jax.tree.map(
            lambda x: jnp.broadcast_to(x, (num_signals, *x.shape)), layers[OUTPUT_LAYER]
        )
        return {"encoder": encoder, "heads": heads}
    if problem.method in ("reptile", "encoder"):
        return {"start": layers}
    is_modulated = isinstance(problem.model, Modulated)
    rate = INNER_RATE_OF_LATENTS if is_modulated else _INNER_RATE
    own = split(problem.model, layers).own
    logs = jax.tree.map(lambda x: jnp.full_like(x, jnp.log(rate) / _STEP_OF_RATES), own)
    return {"start": layers, "log_rates": logs}


def as_start(problem: Problem, trained: Trained) -> tuple[Params, Any]:
    """The collection `params` of a start, and its rates or None.

    The last layer of a shared encoder is the mean over the signals.
    """
    if "encoder" in trained:
        head = jax.tree.map(lambda x: x.mean(0), trained["heads"])
        return {**trained["encoder"], OUTPUT_LAYER: head}, None
    rates = trained.get("log_rates")
    return trained["start"], None if rates is None else _rates(rates)


def value_and_gradient(
    problem: Problem,
    key: Key,
    trained: Trained,
    fixed: Params,
    signals: SignalSet,
    split: Split | None = None,
) -> tuple[Array, Trained]:
    """Loss of a random batch of signals, and its gradient or Reptile's direction.

    Args:
      problem: static options.
      key: PRNG key of the step.
      trained: what the method learns.
      fixed: other collections of parameters.
      signals: all signals.
      split: shardings; the signals of the batch are split over its devices.
    """
    objectives = {"maml": _maml_loss, "first_order_maml": _maml_loss}
    objectives |= {"shared": _shared_loss, "noise": _shared_loss}
    objectives |= {"encoder": _encoder_loss}
    keys_and_index = _draw_signals(key, problem.batch_size, signals)
    if problem.method == "reptile":
        of_part = functools.partial(_reptile, problem)
    else:
        of_part = _mean_and_gradient(objectives[problem.method], problem)
    return mean_of_rows(of_part, (trained, fixed, signals), keys_and_index, split)


def warmup_and_gradient(
    problem: Problem,
    key: Key,
    trained: Trained,
    fixed: Params,
    signals: SignalSet,
    split: Split | None = None,
) -> tuple[Array, Trained]:
    """`value_and_gradient` of fields of given latents: more signals, fewer points."""
    batch_size = _WARMUP_FACTOR * problem.batch_size
    keys_and_index = _draw_signals(key, batch_size, signals)
    of_part = _mean_and_gradient(_latent_loss, problem)
    return mean_of_rows(of_part, (trained, fixed, signals), keys_and_index, split)


def _draw_signals(key: Key, count: int, signals: SignalSet) -> tuple[Key, Array]:
    b = len(signals.features)
    key_index, key_points = jax.random.split(key)
    count = min(count, b)
    index = jax.random.choice(key_index, b, (count,), replace=False)
    return jax.random.split(key_points, count), index


def _mean_and_gradient(objective: Callable, problem: Problem) -> Callable:
    """Function for `mean_of_rows`: the mean of an objective, and its gradient."""

    def of_part(shared: Any, keys_and_index: Any, weights: Array) -> Any:
        trained, fixed, signals = shared

        def mean(trained: Trained) -> Array:
            each = jax.vmap(
                lambda k, i: objective(problem, k, trained, fixed, signals, i)
            )
            return (weights * each(*keys_and_index)).sum()

        return jax.value_and_grad(mean)(trained)

    return of_part


def _shared_loss(
    problem: Problem,
    key: Key,
    trained: Trained,
    fixed: Params,
    signals: SignalSet,
    index: Array,
) -> Array:
    head = jax.tree.map(lambda x: x[index], trained["heads"])
    params = {**fixed, "params": {**trained["encoder"], OUTPUT_LAYER: head}}
    batch = signals.draw(key, index, problem.num_points)
    return loss_of(problem.model, params, batch)


def _latent_loss(
    problem: Problem,
    key: Key,
    trained: Trained,
    fixed: Params,
    signals: SignalSet,
    index: Array,
) -> Array:
    """Loss of the field of a given latent; rates have no gradient."""
    layers = {**trained["start"], "latent": signals.latents[index]}
    count = problem.num_points or signals.features.shape[1]
    batch = signals.draw(key, index, max(count // _WARMUP_FACTOR, 1))
    return loss_of(problem.model, {**fixed, "params": layers}, batch)


def _encoder_loss(
    problem: Problem,
    key: Key,
    trained: Trained,
    fixed: Params,
    signals: SignalSet,
    index: Array,
) -> Array:
    """Loss at all points of the field that is predicted from some of them."""
    coords, features = signals.coords, signals.features[index]
    n = len(coords)
    known = jnp.ones(n, jnp.float32)
    if problem.num_points is not None:
        key_count, key_points = jax.random.split(key)
        most = jnp.log(jnp.float32(min(problem.num_points, n) + 1))
        # Uniform logarithms: a hundred samples are to ten as a thousand to them.
        count = jnp.floor(jnp.exp(most * jax.random.uniform(key_count, (), most.dtype)))
        rank = jax.random.permutation(key_points, n)
        known = (rank < jnp.maximum(count, 1)).astype(jnp.float32)
    model: Any = problem.model
    grid = signals.size or (n,)
    samples = (x.reshape(*grid, -1) for x in (coords, features))
    params = {**fixed, "params": trained["start"]}
    field = predict(model, params, (*samples, known.reshape(grid)))
    return loss_of(field.model, field.params, (coords, features))


def _maml_loss(
    problem: Problem,
    key: Key,
    trained: Trained,
    fixed: Params,
    signals: SignalSet,
    index: Array,
) -> Array:
    """Loss after the inner steps, on other points than theirs."""
    batches, outer = _inner_batches(problem, key, signals, index)
    parts = split(problem.model, trained["start"])

    def loss(own: Any, batch: Batch) -> Array:
        params = {**fixed, "params": parts._replace(own=own).layers}
        return loss_of(problem.model, params, batch)

    start = parts.own
    if isinstance(problem.model, Modulated):
        # Biases do what another first latent would do.
        start = jax.lax.stop_gradient(start)
    rates, is_first = _rates(trained["log_rates"]), problem.method == "first_order_maml"
    return loss(descend(loss, start, rates, batches, first_order=is_first), outer)


def _reptile(
    problem: Problem, shared: Any, keys_and_index: Any, weights: Array
) -> tuple[Array, Trained]:
    """Function for `mean_of_rows`: the loss, and the way back from the last steps."""
    trained, fixed, signals = shared
    ndim = signals.coords.shape[-1]
    rates = default_rates(problem.model, ndim, factor=0.3)
    adam = optax.adam(min(rates.values()))

    def loss(layers: Any, batch: Batch) -> Array:
        return loss_of(problem.model, {**fixed, "params": layers}, batch)

    def difference(key: Key, i: Array) -> tuple[Array, Params]:
        batches, outer = _inner_batches(problem, key, signals, i)

        def step(state: Any, batch: Any) -> tuple[Any, None]:
            layers, opt_state = state
            gradient = jax.grad(loss)(layers, batch)
            updates, opt_state = adam.update(gradient, opt_state)
            return (optax.apply_updates(layers, updates), opt_state), None

        start = trained["start"]
        (layers, _), _ = jax.lax.scan(step, (start, adam.init(start)), batches)
        return loss(layers, outer), jax.tree.map(jnp.subtract, start, layers)

    losses, differences = jax.vmap(difference)(*keys_and_index)

    def mean(x: Array) -> Array:
        return jax.vmap(jnp.multiply)(weights, x).sum(0)

    return mean(losses), {"start": jax.tree.map(mean, differences)}


def _inner_batches(
    problem: Problem, key: Key, signals: SignalSet, index: Array
) -> tuple[Any, Any]:
    """Batches of the inner steps, and one for the loss after them."""
    keys = jax.random.split(key, problem.inner_steps + 1)
    draws = [signals.draw(k, index, problem.num_points) for k in keys]
    return jax.tree.map(lambda *x: jnp.stack(x), *draws[:-1]), draws[-1]


def _rates(logs: Any) -> Any:
    return jax.tree.map(lambda x: jnp.exp(_STEP_OF_RATES * x), logs)
