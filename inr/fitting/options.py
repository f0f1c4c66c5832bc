"""The check of the options that all fits share."""

import os
from typing import Any

from flax import linen as nn

from inr import _checks
from inr._field_checks import check_module, check_params
from inr._files import as_path
from inr._sharding import Devices, as_local_split
from inr.fitting.rates import Optimizer, check_optimizer
from inr.fitting.run import as_target_loss


def check_options(
    model: nn.Module | None,
    *,
    num_steps: int,
    optimizer: Optimizer | None = None,
    init: Any = None,
    target_loss: float,
    sharding: Devices | None = None,
    checkpoint: str | os.PathLike | None,
    progress: bool,
    callback: Any,
) -> None:
    """Check the options of a verb that computes something before it calls `fit`.

    Args:
      model: as for `fit`; None for a default model.
      num_steps: as for `fit`.
      optimizer: as for `fit`.
      init: as for `fit`.
      target_loss: as for `fit`.
      sharding: as for `fit`.
      checkpoint: as for `fit`.
      progress: as for `fit`.
      callback: as for `fit`.

    Raises:
      ValueError, TypeError: for a bad option.
    """
    if model is not None:
        check_module(model)
    if init is not None:
        check_params(model, init, argument="init")
    _checks.as_count("num_steps", num_steps)
    check_optimizer(optimizer)
    as_target_loss(target_loss)
    as_local_split("sharding", sharding)
    if checkpoint is not None:
        as_path("checkpoint", checkpoint)
    _checks.check_flag("progress", progress)
    if callback is not None:
        _checks.check_callable("callback", callback)
