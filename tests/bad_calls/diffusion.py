"""Calls of `inr.diffusion`."""

import functools

import jax.numpy as jnp
import numpy as np
from bad_calls.arrays import anywhere, array, coords
from bad_calls.kinds import (
    ANYTHING,
    COUNT,
    FLAG,
    FRACTION,
    FUNCTION,
    INF,
    KEY,
    NAN,
    NUMBER,
    OMITTED,
    POSITIVE,
    RNG,
    SHARDING,
    Kind,
    Lazy,
    choice,
    kind,
    size,
)

from inr import diffusion


def denoise(x, t, condition=None):
    return x


SIGNAL = RNG.random((2, 3)).astype(np.float32)
X = anywhere(SIGNAL).without("empty", "scalar")
NOISE = array(SIGNAL, shape=SIGNAL[:1]).without("empty")
SCHEDULE = kind(diffusion.linear_schedule(8), number=3, betas=np.ones(8) / 2)
SAMPLER = kind(diffusion.ddim(num_steps=2), function=diffusion.ddim, number=3)
PREDICTS = choice("v").but("v", name="epsilon")
INDEX = kind(
    np.array([0, 1]),
    floats=np.ones(2),
    above=np.array([0, 8]),
    below=np.array([-1, 0]),
    shape=np.array([0, 1, 2]),
    list=[None, None],
    nan=NAN,
)
SPACING = kind(
    OMITTED,
    number=3.5,
    falling=(3, 1),
    negative=(-1, 2),
    none=(),
    floats=(1.5, 2.0),
    equal=(1, 1),
    nan=(NAN,),
    nested=((1,),),
    texts=("a",),
)
STEPS = {"num_steps": COUNT.optional(), "spacing": SPACING}
FINAL = choice("clean").default()
ORDER = kind(OMITTED, zero=0, above=9, fraction=1.5, nan=NAN, array=np.ones(3))
ETA = FRACTION.default()
BETA = kind(OMITTED, negative=-0.5, above=1.5, nan=NAN, infinite=INF, array=np.ones(3))
LEVELS = {"num_levels": COUNT.but(4)}
DENOISER = kind(
    denoise,
    number=3,
    shape=lambda x, t: x[:1],
    nothing=lambda x, t: None,
    array=np.ones(3),
)
LENGTH = POSITIVE.without("infinite")


def hooks():
    def inpaint(*pair):
        return diffusion.Hooks(inpaint=pair)

    return kind(
        OMITTED,
        number=3,
        function=diffusion.clip(-1, 1),
        one=inpaint(SIGNAL),
        objects=inpaint(object(), np.ones((2, 3), bool)),
        not_a_pair=diffusion.Hooks(inpaint=SIGNAL),
        shape=inpaint(SIGNAL[:1], np.ones((2, 3), bool)),
        dtype=inpaint(SIGNAL, np.ones((2, 3))),
        mask=inpaint(SIGNAL, np.ones((2, 2), bool)),
        nan=inpaint(np.full_like(SIGNAL, NAN), np.ones((2, 3), bool)),
    ).optional()


SAMPLE = {
    "key": KEY.optional().but(KEY.valid),
    "denoiser": DENOISER,
    "x_T": X,
    "schedule": SCHEDULE,
    "sampler": SAMPLER,
    "predicts": PREDICTS,
    "condition": ANYTHING,
    "noise": kind(
        OMITTED,
        shape=SIGNAL,
        number=3,
        map=lambda key: jnp.zeros(3),
        nothing=lambda key: None,
    ).optional(),
    "hooks": hooks(),
}


@functools.cache
def steps():
    return diffusion.plan_steps(
        SCHEDULE.valid, sampler=diffusion.ddim(num_steps=2, eta=1.0), predicts="v"
    )


def step():
    import jax

    return jax.tree.map(lambda x: x[0], steps())


def table(valid, **bad):
    return kind(
        valid,
        none=[],
        nan=[NAN, 0.5],
        texts=["a", "b"],
        nested=[[0.5]],
        number=0.5,
        imaginary=[1j, 1j],
        **bad,
    )


CALLS = {
    diffusion.Schedule: {
        "signal": table(
            [0.9, 0.5], negative=[0.9, -0.5], length=[0.9], rising=[0.1, 0.9]
        ),
        "noise": table(
            [0.1, 0.5],
            negative=[-0.1, 0.5],
            zero=[0.0, 0.5],
            falling=[0.5, 0.1],
            length=[0.9],
        ),
        "times": table(OMITTED, length=[0.9]).optional(),
    },
    diffusion.Hooks: {
        "correct_x0": FUNCTION.optional(),
        "correct_x": FUNCTION.optional(),
        "project_noise": FLAG.default(),
        "inpaint": ANYTHING,  # `sample` compares it with x
    },
    diffusion.schedule_from_betas: {
        "betas": table(
            [0.1, 0.2], negative=[-0.1], zero=[0.0], above=[0.1, 1.1], one=[1.0, 0.5]
        )
    },
    diffusion.linear_schedule: {**LEVELS, "start": BETA, "stop": BETA},
    diffusion.scaled_linear_schedule: {**LEVELS, "start": BETA, "stop": BETA},
    diffusion.sigmoid_schedule: {**LEVELS, "start": BETA, "stop": BETA},
    diffusion.cosine_schedule: {**LEVELS, "min_beta": BETA, "max_beta": BETA},
    diffusion.karras_schedule: {
        **LEVELS,
        "sigma_min": POSITIVE.default(above=100.0),
        "sigma_max": POSITIVE.default(),
        "rho": POSITIVE.default(),
    },
    diffusion.karras_levels: {
        "schedule": SCHEDULE.but(SCHEDULE.valid, flow=diffusion.flow_schedule(4)),
        **LEVELS,
        "rho": POSITIVE.default(),
    },
    diffusion.flow_schedule: {**LEVELS, "shift": POSITIVE.default()},
    diffusion.zero_terminal_snr: {
        "schedule": SCHEDULE.but(SCHEDULE.valid, flow=diffusion.flow_schedule(4))
    },
    diffusion.guided: {
        "denoiser": DENOISER.without("shape", "nothing"),
        "unconditional": Kind(0.0, {}),
        "guidance_scale": NUMBER.without("array"),
        "interval": kind(
            OMITTED, one=(1,), reversed=(2, 1), nan=(NAN, 1), number=3, texts=("a", "b")
        ).optional(),
    },
    diffusion.clip: {
        "low": NUMBER.but(-1.0, above=2.0),
        "high": NUMBER.without("infinite").but(1.0, below=-2.0),
    },
    diffusion.dynamic_threshold: {"quantile": FRACTION, "limit": POSITIVE.default()},
    diffusion.ddim: {"eta": ETA, **STEPS, "final": FINAL},
    diffusion.ddpm: {"variance": choice("small").default(), **STEPS},
    diffusion.heun: STEPS,
    diffusion.midpoint: STEPS,
    diffusion.dpmpp: {
        "order": ORDER,
        "eta": ETA,
        "rule": choice("midpoint").default(),
        "lower_order_final": FLAG.default(),
        **STEPS,
        "final": FINAL,
    },
    diffusion.dpmpp_2s: {"eta": ETA, **STEPS},
    diffusion.dpm_solver: {"order": ORDER, **STEPS, "final": FINAL},
    diffusion.lms: {"order": ORDER, **STEPS},
    diffusion.unipc: {"order": ORDER, **STEPS},
    diffusion.independent_noise: {"shape": size(2, 3).without("axes")},
    diffusion.shared_noise: {"shape": size(2, 3).without("axes")},
    diffusion.field_noise: {
        "coords": coords(5, 2),
        "features": COUNT,
        "length_scale": LENGTH,
        "num_waves": COUNT.default(),
    },
    diffusion.draw_noise_field: {
        "key": KEY,
        "features": COUNT,
        "length_scale": LENGTH,
        "ndim": COUNT.default(),
        "num_waves": COUNT.default(),
    },
    diffusion.plan_steps: {
        "schedule": SCHEDULE,
        "sampler": SAMPLER,
        "predicts": PREDICTS,
    },
    diffusion.add_noise: {"x0": X, "noise": NOISE, "t": INDEX, "schedule": SCHEDULE},
    diffusion.training_target: {
        "x0": X,
        "noise": NOISE,
        "t": INDEX,
        "schedule": SCHEDULE,
        "predicts": PREDICTS,
    },
    diffusion.convert_prediction: {
        "prediction": NOISE,
        "x": X,
        "t": INDEX,
        "schedule": SCHEDULE,
        "predicts": PREDICTS,
        "to": PREDICTS,
    },
    diffusion.min_snr_weights: {
        "schedule": SCHEDULE,
        "predicts": PREDICTS,
        "gamma": POSITIVE.default(),
    },
    diffusion.denoising_loss: {
        "key": KEY,
        "denoiser": DENOISER,
        "x0": X,
        "schedule": SCHEDULE,
        "predicts": PREDICTS,
        "weights": array(np.ones(8), length=np.ones(7))
        .without("integers", "bools")
        .optional(),
        "condition": ANYTHING,
        "t": INDEX.optional().but(OMITTED),
        "noise": NOISE.optional(),
    },
    diffusion.sample: {**SAMPLE, "sharding": SHARDING},
    diffusion.sample_trajectory: SAMPLE,
    diffusion.init_sample: {
        "x_T": X,
        "steps": kind(Lazy(steps), number=3, none=()),
        "hooks": hooks(),
    },
    diffusion.sample_step: {
        "key": KEY.but(KEY.valid),
        "state": kind(Lazy(lambda: diffusion.init_sample(SIGNAL, steps())), number=3),
        "denoiser": DENOISER,
        "step": kind(Lazy(step), number=3, none=()),
        "condition": ANYTHING,
        "noise": SAMPLE["noise"].without("shape").but(OMITTED, shape=SIGNAL[:1]),
        "hooks": hooks()
        .without("shape", "dtype", "mask", "nan")
        .but(OMITTED, inpaint=hooks().bad["mask"]),
    },
    diffusion.spaced_levels: {
        "num_levels": COUNT.but(4),
        "num_steps": COUNT,
        "spacing": choice("trailing").default(),
    },
    diffusion.every_kth_level: {"num_levels": COUNT.but(4), "stride": COUNT},
    diffusion.section_levels: {
        "num_levels": COUNT.but(8),
        "sections": kind(
            (1, 2),
            number=3,
            zero=(0, 1),
            above=(9, 1),
            none=(),
            ddim="ddim9",
            digits="ddimx",
            nan=(NAN,),
            fraction=(1.5, 2),
        ),
    },
}
