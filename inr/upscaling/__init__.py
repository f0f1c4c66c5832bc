"""Upscaling by any factor: the model, its loss, and `upscale`."""

from inr.upscaling.blockwise import upscale as upscale
from inr.upscaling.loss import (
    upscaler_loss as upscaler_loss,
    upscaler_pixel_loss as upscaler_pixel_loss,
)
from inr.upscaling.span import span_upscaler as span_upscaler
from inr.upscaling.upscaler import Upscaler as Upscaler
from inr.upscaling.waves import WaveHead as WaveHead
