"""Diffusion: schedules, the forward process, samplers, noise.

Contract: a denoiser is any function `(x, t)`; a schedule is a static table of noise
levels; a sampler is a few numbers that become one row of coefficients a step; `sample`
runs the rows in one scan. Nothing here knows of networks or fields.
"""

from inr.diffusion.hooks import (
    Hooks as Hooks,
    clip as clip,
    dynamic_threshold as dynamic_threshold,
    guided as guided,
)
from inr.diffusion.multistep import (
    dpm_solver as dpm_solver,
    dpmpp as dpmpp,
    dpmpp_2s as dpmpp_2s,
    lms as lms,
)
from inr.diffusion.noise import (
    NoiseField as NoiseField,
    draw_noise_field as draw_noise_field,
    field_noise as field_noise,
    independent_noise as independent_noise,
    shared_noise as shared_noise,
)
from inr.diffusion.planning import plan_steps as plan_steps
from inr.diffusion.process import (
    add_noise as add_noise,
    convert_prediction as convert_prediction,
    denoising_loss as denoising_loss,
    min_snr_weights as min_snr_weights,
    training_target as training_target,
)
from inr.diffusion.samplers import (
    ddim as ddim,
    ddpm as ddpm,
    heun as heun,
    midpoint as midpoint,
)
from inr.diffusion.sampling import (
    Trajectory as Trajectory,
    init_sample as init_sample,
    sample as sample,
    sample_step as sample_step,
    sample_trajectory as sample_trajectory,
)
from inr.diffusion.schedules import (
    Schedule as Schedule,
    cosine_schedule as cosine_schedule,
    flow_schedule as flow_schedule,
    karras_levels as karras_levels,
    karras_schedule as karras_schedule,
    linear_schedule as linear_schedule,
    scaled_linear_schedule as scaled_linear_schedule,
    schedule_from_betas as schedule_from_betas,
    sigmoid_schedule as sigmoid_schedule,
    zero_terminal_snr as zero_terminal_snr,
)
from inr.diffusion.spacing import (
    every_kth_level as every_kth_level,
    section_levels as section_levels,
    spaced_levels as spaced_levels,
)
from inr.diffusion.tables import Sampler as Sampler
from inr.diffusion.unipc import unipc as unipc
