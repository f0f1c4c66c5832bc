"""Diffusion models: schedules, the forward process, samplers, noise.

A denoiser is any function `(x, t)`. A schedule is a static table of noise levels. A
sampler is a few numbers that become one row of coefficients for each step, and `sample`
runs the rows in one scan. This package does not depend on networks or fields.
"""

from inr.diffusion.beta_schedules import (
    cosine_schedule as cosine_schedule,
    linear_schedule as linear_schedule,
    scaled_linear_schedule as scaled_linear_schedule,
    schedule_from_betas as schedule_from_betas,
    sigmoid_schedule as sigmoid_schedule,
)
from inr.diffusion.guidance import guided as guided
from inr.diffusion.hooks import (
    Hooks as Hooks,
    clip as clip,
    dynamic_threshold as dynamic_threshold,
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
from inr.diffusion.predictions import Predicts as Predicts
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
    sample as sample,
    sample_trajectory as sample_trajectory,
)
from inr.diffusion.schedules import (
    Schedule as Schedule,
    zero_terminal_snr as zero_terminal_snr,
)
from inr.diffusion.sigma_schedules import (
    flow_schedule as flow_schedule,
    karras_levels as karras_levels,
    karras_schedule as karras_schedule,
)
from inr.diffusion.spacing import (
    every_kth_level as every_kth_level,
    section_levels as section_levels,
    spaced_levels as spaced_levels,
)
from inr.diffusion.steps import (
    init_sample as init_sample,
    sample_step as sample_step,
)
from inr.diffusion.tables import Sampler as Sampler
from inr.diffusion.unipc import unipc as unipc
