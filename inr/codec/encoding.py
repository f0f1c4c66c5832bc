"""`encode`: a picture as bytes."""

import functools
import os
import pathlib
import time
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from inr import _checks, _conversions, _loop
from inr._files import as_path
from inr._sharding import Devices, Split, as_local_split, to_devices
from inr._typing import Array, ImageLike, Size
from inr.codec import search
from inr.codec.coding import LARGEST_LATENT, encode_latents, networks
from inr.codec.container import MAX_PIXELS, MAX_SIDE, Header, pack
from inr.codec.laplace import range_coding
from inr.codec.last_layer import Sums, best_change, sums_of
from inr.codec.networks import Codec, Networks, at_point, identity
from inr.codec.pyramid import HostLatents
from inr.codec.targets import Target, as_target
from inr.codec.tiles import tile_corners, tile_size
from inr.models import LoadedModel, resolve

_STEPS = (40, 600)
"""Fewest and most steps that `minutes` may mean."""
_PROBES, _PROBE_STEPS = 2, 30
# Further steps that bring a file to its size: as after these shares of a search, the
# second while the size is far off.
_MAX_TRIES = 30
_STEPS_OF_TRY = 12
_SHARES_OF_TRY = (0.75, 0.3)
_TOLERANCE = 0.015


class _Part(NamedTuple):
    """A tile in the file, and what the last layer is fitted to."""

    data: bytes
    sums: Sums


def encode(
    image: ImageLike,
    *,
    quality: int | float | None = None,
    bpp: int | float | None = None,
    file_bytes: int | None = None,
    minutes: int | float = 5.0,
    num_steps: int | None = None,
    model: str | os.PathLike | LoadedModel = "codec",
    checkpoint: str | os.PathLike | None = None,
    progress: bool = True,
    sharding: Devices | None = None,
) -> bytes:
    """Compress a picture to a small field.

    Grids of integers are searched that a small network turns into the picture (Ladune
    et al. 2023, COOL-CHIC, arXiv:2212.05458), and a range coder writes them. Give one
    of `quality`, `bpp` and `file_bytes`; without them the quality is 50.

    Args:
      image: `[h, w]`, `[h, w, 1]` or `[h, w, 3]` in [0, 1], sRGB-encoded. uint8 and
        uint16 arrays and PIL images are accepted too.
      quality: from 0, the smallest file, to 100.
      bpp: bits a pixel that the file should have, within about 2 % after a search of
        minutes.
      file_bytes: largest size of the file.
      minutes: time for the whole picture, about; the search takes at least 40 steps.
      num_steps: steps of the search, in place of `minutes`.
      model: a name in `inr.pretrained.names()`, a file that `save_model` wrote, or a
        `LoadedModel`. `decode` needs the same model.
      checkpoint: folder to resume from, written every half minute and at the end.
      progress: show a bar.
      sharding: devices among which the work is split: a mesh, such as
        `jax.make_mesh((8,), ("devices",))`, or a `NamedSharding`. Each searches for one
        tile of a picture above 1024 pixels a side; a smaller one has a single tile.

    Returns:
      The bytes of a file; see `inr.codec.container` for its format.

    Raises:
      ImportError: without the package constriction.
      ValueError: for an image of another shape, or one that is empty or not finite; for
        two targets at once; and if `file_bytes` is too small for the picture.
    """
    pixels = _pixels(image)
    target = as_target(quality, bpp, file_bytes, pixels.shape[:2])
    minutes = _checks.as_positive("minutes", minutes)
    if num_steps is not None:
        num_steps = _checks.as_count("num_steps", num_steps)
    _checks.check_flag("progress", progress)
    split = as_local_split("sharding", sharding)
    loaded = resolve(model, "codec")
    range_coding()  # A missing package is found before the search.
    size, channels = pixels.shape[:2], pixels.shape[-1]
    tiles = [_tile(pixels, corner) for corner in tile_corners(size)]
    target = target._replace(is_picture=len(tiles) == 1)
    split = None if target.is_picture else split
    count = 1 if split is None else split.count
    groups = [tiles[i : i + count] for i in range(0, len(tiles), count)]
    seconds = 60 * minutes / len(groups)
    parent = None if checkpoint is None else as_path("checkpoint", checkpoint)
    if parent is not None and parent.exists() and not parent.is_dir():
        raise _checks.fail("checkpoint", "a folder", f"the file {parent}")
    point, target = _choose(loaded, tiles[len(tiles) // 2], target)
    nets = at_point(loaded.params, point)
    parts = []
    for group in groups:
        name = f"tile_{len(parts)}" + ("" if split is None else f"_on_{count}")
        folder = None if parent is None else parent / name
        parts += _encode_tiles(
            nets, group, target, seconds, num_steps, folder, progress, split
        )
    sums = jax.tree.map(lambda *x: sum(x), *(part.sums for part in parts))
    assert isinstance(loaded.model, Codec)
    change = best_change(sums, loaded.model.weight(point))
    header = Header(channels, point, identity(loaded.params), size, change)
    return pack(header, [part.data for part in parts])


def _pixels(image: ImageLike) -> np.ndarray:
    pixels = np.asarray(_conversions.as_host_image("image", image), np.float32)
    h, w, c = pixels.shape
    if c not in (1, 3):
        fix = "The format has no alpha channel: give `image[..., :3]`."
        fix = fix if c == 4 else _conversions.channels_fix(pixels.shape)
        raise _checks.fail("image", "gray or RGB", pixels.shape, fix)
    if max(h, w) > MAX_SIDE or h * w > MAX_PIXELS:
        expected = f"at most {MAX_SIDE} pixels a side and {MAX_PIXELS} in all"
        raise _checks.fail("image", expected, f"{h}x{w}")
    return pixels


def _tile(pixels: np.ndarray, corner: Size) -> Array:
    h, w = tile_size(pixels.shape[:2])
    part = pixels[corner[0] : corner[0] + h, corner[1] : corner[1] + w]
    return jnp.broadcast_to(part, (*part.shape[:2], 3))


def _choose(loaded: LoadedModel, tile: Array, target: Target) -> tuple[int, Target]:
    """The operating point for a target, and the target with a better first weight."""
    assert isinstance(loaded.model, Codec)
    weight = target.weight
    for _ in range(_PROBES if target.bpp is not None else 0):
        nets = at_point(loaded.params, loaded.model.point(weight))
        state = search.start(nets, tile, weight)
        state = search.advance(
            state, _PROBE_STEPS, networks=nets, tile=tile, total=_PROBE_STEPS,
            target=None,
        ).state  # fmt: skip
        score = search.rounded_score(nets, state.descent.latents, tile)
        weight *= float(np.clip((score.bits.sum() / target.bpp) ** 1.7, 0.03, 30))
    return loaded.model.point(weight), target._replace(weight=weight)


def _encode_tiles(
    nets: Networks,
    tiles: list[Array],
    target: Target,
    seconds: float,
    num_steps: int | None,
    checkpoint: pathlib.Path | None,
    progress: bool,
    split: Split | None,
) -> list[_Part]:
    """Parts of a file; with `split`, of as many tiles as there are devices."""
    start = time.monotonic()
    tile = tiles[0]
    if split is not None:
        tile = jnp.stack(tiles + [tiles[-1]] * (split.count - len(tiles)))
    shared, tile = to_devices(split, nets, tile)
    state = search.start(shared, tile, target.weight, split)
    options = {
        "networks": shared, "tile": tile, "target": target.bpp,
        "fit": target.is_picture, "split": split,
    }  # fmt: skip
    if num_steps is None:
        num_steps = _steps_in(state, seconds - (time.monotonic() - start), options)
    outcome = _loop.drive(
        functools.partial(search.advance, total=num_steps, **options),
        state,
        num_steps=num_steps,
        progress=progress,
        describe=lambda loss: f"loss {float(loss):.5f}",
        arguments={"tile": tile, "target": target, "networks": nets},
        checkpoint=checkpoint,
    )
    state = outcome.state
    states = [state] if split is None else search.states_of_tiles(state)
    return [
        _meet(state, nets, tile, target)
        for state, tile in zip(states, tiles, strict=False)
    ]


def _meet(
    state: search.SearchState, nets: Networks, tile: Array, target: Target
) -> _Part:
    """Code the latents, after further steps if that does not meet the target."""
    model = networks(nets.entropy)
    best = None
    for _ in range(_MAX_TRIES):
        latents = _integers(state)
        data = encode_latents(model, latents)
        ratio = 1.0 if target.num_bytes is None else len(data) / target.num_bytes
        allowed = ratio <= 1 or not target.is_limit
        if allowed and (best is None or abs(ratio - 1) < abs(best[0] - 1)):
            best = ratio, data, latents
        if allowed and abs(ratio - 1) <= _TOLERANCE:
            break
        # Aims a little below a limit.
        error = np.log(ratio) + 0.5 * _TOLERANCE * target.is_limit
        state = state._replace(
            log_weight=state.log_weight + np.float32(4 * np.clip(error, -0.1, 0.1))
        )
        share = _SHARES_OF_TRY[int(abs(error) > 0.2)]
        state = search.advance(
            state, _STEPS_OF_TRY, networks=nets, tile=tile,
            total=round(state.step / share), target=None, fit=target.is_picture,
        ).state  # fmt: skip
    if best is None:
        raise _checks.fail("file_bytes", "larger, for this picture", target.num_bytes)
    _, data, latents = best
    return _Part(data, jax.device_get(sums_of(nets.synthesis, latents, tile)))


def _steps_in(state: search.SearchState, seconds: float, options: dict) -> int:
    """Steps of the search that fit into a time, compilation included."""
    start = time.monotonic()
    search.advance(state, 1, total=2, **options)
    compiled = time.monotonic()
    search.advance(state, 2, total=2, **options)
    end = time.monotonic()
    steps = (seconds - (end - start)) / max((end - compiled) / 2, 1e-6)
    return int(np.clip(steps, *_STEPS))


def _integers(state: search.SearchState) -> HostLatents:
    limit = LARGEST_LATENT - 1
    latents = jax.device_get(state.descent.latents)
    return tuple(np.rint(np.nan_to_num(x).clip(-limit, limit)) for x in latents)
