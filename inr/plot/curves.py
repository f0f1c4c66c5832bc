"""The course of a fit, and power spectra."""

from collections.abc import Mapping, Sequence
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    Protocol,
    TypeAlias,
    runtime_checkable,
)

if TYPE_CHECKING:
    import matplotlib.figure

import numpy as np

from inr import _checks, _conversions
from inr._field_checks import check_field
from inr._typing import ArrayLike, Field, ImageLike, Size
from inr.plot.figures import new_figure, with_labels
from inr.rendering import preview_size, render


@runtime_checkable
class WithHistory(Protocol):
    """The result of a fit or of a training, with the losses of its steps."""

    @property
    def history(self) -> Any: ...


Run: TypeAlias = WithHistory | ArrayLike | Sequence[float]
Quantity: TypeAlias = Literal["loss", "psnr"]


def history(
    result: Run | Mapping[str, Run], *, quantity: Quantity = "loss"
) -> "matplotlib.figure.Figure":
    """Loss or PSNR of fits before each step.

    Args:
      result: result of `fit`, of `fit_many` or of `inr.training.train`, or losses `[n]`
        or `[n, b]`; or several of them by label. Each field of `fit_many` is a curve.
      quantity: `"loss"`, on a logarithmic axis, or `"psnr"`, for a loss that is the
        mean squared error of features in [0, 1].

    Returns:
      A figure of matplotlib.

    Raises:
      ImportError: if matplotlib is not installed.
      TypeError: for labels that are not text.
      ValueError: for another quantity, no losses, or losses of another rank.
    """
    _checks.check_choice("quantity", quantity, ("loss", "psnr"))
    runs = {name: _losses(x) for name, x in with_labels("result", result).items()}
    figure = new_figure(5.5, 3.5)
    axis = figure.subplots()
    for i, (name, losses) in enumerate(runs.items()):
        for j, column in enumerate(losses.T):
            label = name if j == 0 and name else None
            axis.plot(_curve(column, quantity), color=f"C{i}", lw=1, label=label)
    axis.set_xlabel("step")
    axis.set_ylabel("loss" if quantity == "loss" else "PSNR (dB)")
    if quantity == "loss":
        axis.set_yscale("log", nonpositive="mask")
    _finish(axis, named=any(runs))
    return figure


def spectrum(
    image: ImageLike | Field | Mapping[str, ImageLike | Field],
    *,
    size: Size | None = None,
) -> "matplotlib.figure.Figure":
    """Power of an image or a field over the spatial frequency.

    The power is the squared modulus of the Fourier transform of the image without its
    mean, under a Hann window, averaged over rings of equal frequency and over the
    channels. White noise has its variance at all frequencies.

    Args:
      image: `[h, w, c]` or `[h, w]`, in all the forms that image verbs accept; or a
        field of two axes; or several of them by label.
      size: pixels `(h, w)` at which a field is sampled; by default at most 256 in the
        ratio of the field's image.

    Returns:
      A figure of matplotlib, with logarithmic axes: frequency in cycles per pixel, up
      to 0.5, and power.

    Raises:
      ImportError: if matplotlib is not installed.
      TypeError: for labels that are not text.
      ValueError: for an array that is no image or smaller than 4 pixels, a field of
        other than two axes, or an invalid size.
    """
    size = None if size is None else _checks.as_size("size", size, 2)
    values = with_labels("image", image)
    spectra = {name: _radial_power(_pixels(x, size)) for name, x in values.items()}
    figure = new_figure(5.5, 3.5)
    axis = figure.subplots()
    for name, (frequency, power) in spectra.items():
        axis.loglog(frequency, power, lw=1.2, label=name or None)
    axis.set_xlabel("frequency (cycles per pixel)")
    axis.set_ylabel("power")
    _finish(axis, named=any(spectra))
    return figure


def _losses(result: Any) -> np.ndarray:
    """Losses `[n, b]`."""
    value = getattr(result, "history", result)
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        value = [row["loss"] for row in value if "loss" in row]  # of a training
    _checks.check_concrete("result", value)
    losses = np.asarray(_checks.as_real("result", value), np.float64)
    if losses.ndim not in (1, 2) or losses.size == 0:
        expected = "the result of a fit, or losses [n] or [n, b]"
        raise _checks.fail("result", expected, f"shape {losses.shape}")
    return losses.reshape(len(losses), -1)


def _curve(losses: np.ndarray, quantity: Quantity) -> np.ndarray:
    if quantity == "loss":
        return losses
    with np.errstate(divide="ignore", invalid="ignore"):
        return -10 * np.log10(losses)


def _pixels(value: Any, size: Size | None) -> np.ndarray:
    pixels = (
        _render(value, size)
        if callable(value)
        else _conversions.as_host_image("image", value)
    )
    if min(pixels.shape[:2]) < 4:
        raise _checks.fail("image", "at least 4 by 4 pixels", f"{pixels.shape}")
    return np.asarray(pixels, np.float64)


def _render(field: Any, size: Size | None) -> Any:
    check_field(field)
    _checks.check_concrete("image", field)
    return render(field, size or preview_size(field) or (256, 256), progress=False)


def _radial_power(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies `[n]` in cycles per pixel, and the power there."""
    height, width, _ = pixels.shape
    window = np.outer(_hann(height), _hann(width))[..., None]
    centered = (pixels - pixels.mean((0, 1))) * window
    transform = np.fft.fft2(centered, axes=(0, 1))
    power = np.square(np.abs(transform)).mean(-1) / np.square(window).sum()
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width))
    # A ring is as wide as the distance of two frequencies along the shorter axis.
    side = min(height, width)
    ring = np.rint(frequency * side).astype(int)
    sums = np.bincount(ring.ravel(), power.ravel())
    counts = np.bincount(ring.ravel())
    rings = np.arange(1, side // 2 + 1)
    return rings / side, sums[rings] / counts[rings]


def _hann(length: int) -> np.ndarray:
    return np.square(np.sin(np.pi * (np.arange(length) + 0.5) / length))


def _finish(axis: Any, *, named: bool) -> None:
    axis.grid(alpha=0.3)
    axis.spines[["top", "right"]].set_visible(False)
    if named:
        axis.legend(frameon=False)
