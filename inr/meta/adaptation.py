"""Fields and latents of new signals, from a learned start, by a few inner steps."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from inr import _checks
from inr._field_checks import check_features, check_params
from inr._masks import check_mask
from inr._sharding import Devices, Split, as_local_split, map_rows, to_devices
from inr._typing import Array, ArrayLike, Params
from inr.fields import BoundField, Modulated
from inr.fitting import Init
from inr.meta.hypernetwork import Hypernetwork, modulated_part
from inr.meta.inner import adapt_params
from inr.meta.signals import Signals, SignalSet, as_signals

_SIGNALS_AT_ONCE = 8
_PREDICTIONS_AT_ONCE = 32
_DEFAULT_STEPS = 3


def adapt(
    start: Init,
    signals: Signals,
    *,
    num_steps: int = 3,
    sharding: Devices | None = None,
) -> BoundField:
    """Fit a field to each signal by a few steps of gradient descent from a start.

    Args:
      start: an `Init` with rates, learned by `learn_init(method="maml")`.
      signals: as for `learn_init`; every step uses all points.
      num_steps: steps on each signal. About those of the learning are best.
      sharding: devices among which the work is split: a mesh, such as
        `jax.make_mesh((8,), ("devices",))`, or a `NamedSharding`. Each computes some
        of the fields. By default one device computes all of them.

    Returns:
      The fields as one `BoundField` whose leaves have a leading axis b, as those of
      `inr.fit_many`.

    Raises:
      ValueError, TypeError: for a start without rates, and bad signals.
    """
    data, num_steps = _checked(start, signals, num_steps)
    split = as_local_split("sharding", sharding)
    shared, rows = to_devices(split, (start, data.coords), (data.features,))
    params = _adapt(*shared, rows, num_steps, split)
    return BoundField(start.model, params)


def encode(
    start: Init,
    signals: Signals,
    *,
    mask: ArrayLike | None = None,
    num_steps: int | None = None,
    sharding: Devices | None = None,
) -> Array:
    """Find the latents of signals, by steps of gradient descent or in one pass.

    `decode` of the latents of half an image completes it from what the start has
    learned of other images.

    Args:
      start: of a `Modulated` model, learned by `learn_init(method="maml")`, which takes
        steps; or of a `Hypernetwork`, learned by `learn_init(method="encoder")`, whose
        encoder predicts the latents.
      signals: b signals, as for `learn_init`.
      mask: bool, True where a sample is known: `[h, w]` or `[b, h, w]` for images,
        `[n]` or `[b, n]` for samples at coords. Other samples are not used.
      num_steps: steps on each signal, by default 3. About those of the learning are
        best. A `Hypernetwork` takes none.
      sharding: devices among which the work is split: a mesh, such as
        `jax.make_mesh((8,), ("devices",))`, or a `NamedSharding`. Each computes some
        of the latents. By default one device computes all of them.

    Returns:
      `[b, *latent_shape]`.

    Raises:
      ValueError, TypeError: for a start of another model or without rates, bad signals,
        and a mask of another shape or without a True.
    """
    _check_start(start)
    split = as_local_split("sharding", sharding)
    if isinstance(start.model, Hypernetwork):
        if num_steps is not None:
            raise _checks.fail("num_steps", "None for a `Hypernetwork`", num_steps)
        return _encode_in_one_pass(start, signals, mask, split)
    num_steps = _DEFAULT_STEPS if num_steps is None else num_steps
    data, num_steps = _checked(start, signals, num_steps)
    _modulated(start)
    weights = () if mask is None else (_weights(mask, data),)
    shared, rows = to_devices(split, (start, data.coords), (data.features, *weights))
    params = _adapt(*shared, rows, num_steps, split)
    return params["params"]["latent"]


def decode(start: Init, latents: ArrayLike) -> BoundField:
    """Return the fields of latents.

    Args:
      start: of a `Modulated` model or of a `Hypernetwork`.
      latents: `[*latent_shape]`, or `[b, *latent_shape]` as `encode` returns them.

    Returns:
      A field, whose leaves have a leading axis b for `[b, ...]`. For latents that are
      vectors it is one of the modulated family, such as a `Siren`.

    Raises:
      ValueError, TypeError: for a start of another model, and latents of another shape
        or with NaN or infinity.
    """
    _check_start(start)
    model, params = _modulated(start)
    latents = _checks.as_floating("latents", latents)
    shape = model.latent_shape
    if latents.shape[-len(shape) :] != shape or latents.ndim > len(shape) + 1:
        expected = f"{shape}, or that with a leading axis"
        raise _checks.fail("latents", expected, latents.shape)
    _checks.check_finite("latents", latents)
    decode_one = functools.partial(model.decode, params)
    if latents.ndim > len(shape):
        decode_one = jax.vmap(decode_one)
    return decode_one(latents)


@functools.partial(jax.jit, static_argnames=("num_steps", "split"))
def _adapt(
    start: Init,
    coords: Array,
    rows: tuple[Array, ...],
    num_steps: int,
    split: Split | None,
) -> Params:
    """Parameters of b fields, for `rows`: features and, with a mask, weights."""

    def adapt_rows(shared: tuple[Init, Array], rows: tuple[Array, ...]) -> Params:
        start, coords = shared

        def adapt_one(signal: tuple[Array, ...]) -> Params:
            batch: Any = (coords, *signal)
            return adapt_params(
                start.model, start.params, start.rates, batch, num_steps
            )

        return lax.map(adapt_one, rows, batch_size=_SIGNALS_AT_ONCE)

    return map_rows(adapt_rows, (start, coords), rows, split)


def _encode_in_one_pass(
    start: Init, signals: Signals, mask: ArrayLike | None, split: Split | None
) -> Array:
    data = as_signals(signals, between=False)
    check_features(_modulated(start)[0], data.features.shape[-1])
    size = data.size or data.coords.shape[:1]
    shape = (len(data.features), *size)
    known = jnp.ones(shape) if mask is None else _weights(mask, data).reshape(shape)
    features = data.features.reshape(*shape, -1)
    grid = data.coords.reshape(*size, -1)
    shared, rows = to_devices(split, (start, grid), (features, known))
    return _predict_latents(*shared, rows, split)


@functools.partial(jax.jit, static_argnames="split")
def _predict_latents(
    start: Init, coords: Array, rows: tuple[Array, Array], split: Split | None
) -> Any:
    def predict_rows(shared: tuple[Init, Array], rows: tuple[Array, Array]) -> Any:
        start, coords = shared

        def predict_one(signal: tuple[Array, Array]) -> Any:
            model, samples = start.model, (coords, *signal)
            return model.apply(start.params, *samples, method="encode_samples")

        return lax.map(predict_one, rows, batch_size=_PREDICTIONS_AT_ONCE)

    return map_rows(predict_rows, (start, coords), rows, split)


def _checked(start: Init, signals: Signals, num_steps: int) -> tuple[SignalSet, int]:
    _check_start(start)
    if start.rates is None:
        fix = "Learn it with method='maml', or use `inr.fit_many(init=start)`."
        raise _checks.fail("start", "an `Init` with rates", "none", fix)
    num_steps = _checks.as_count("num_steps", num_steps)
    data = as_signals(signals, between=False)
    check_features(start.model, data.features.shape[-1])
    return data, num_steps


def _check_start(start: Init) -> None:
    _checks.check_type("start", start, Init)
    check_params(start.model, start.params, argument="start")


def _modulated(start: Init) -> tuple[Modulated, Params]:
    model, params = modulated_part(start.model, start.params)
    if not isinstance(model, Modulated):
        got, fix = type(model).__name__, "Fields of other models have no latents."
        expected = "of a `Modulated` model or of a `Hypernetwork`"
        raise _checks.fail("start", expected, got, fix)
    return model, params


def _weights(mask: ArrayLike, data: SignalSet) -> Array:
    """Weights `[b, n]` of the samples: 1 where they are known."""
    b, n, _ = data.features.shape
    size = data.size or (n,)
    check_mask("mask", mask, size if np.ndim(mask) == len(size) else (b, *size))
    known = np.broadcast_to(np.asarray(mask).reshape(-1, n), (b, n))
    if not known.any(1).all():
        got = f"none of signal {int(np.argmin(known.any(1)))}"
        raise _checks.fail("mask", "True for at least one sample of each signal", got)
    return jnp.asarray(known, jnp.float32)
