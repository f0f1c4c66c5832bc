"""The restorer that samples. Its quality is measured by its benchmark."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_restorer import SMALL, noisy, picture
from support import refuses

import inr
from inr import color, diffusion
from inr.restoration import (
    PRESETS,
    DiffusionRestorer,
    LoadedModel,
    diffusion_loss,
    draw_restorer,
    load_model,
    save_model,
)

TINY = DiffusionRestorer(
    widths=(8, 12), width=16, depth=1, side=16, diffused="chroma", deviation=0.08
)
SCHEDULE = TINY.schedule
DDIM = diffusion.ddim(num_steps=4)
STOCHASTIC = diffusion.ddim(num_steps=4, eta=1.0)


@pytest.fixture(scope="module")
def tiny():
    inputs = jnp.zeros((1, 2)), picture(), jnp.zeros((1, 2)), jnp.zeros(())
    return LoadedModel(TINY, noisy(TINY, *inputs))


def draws(tiny, gray, **options):
    usual = {"sampler": DDIM, "key": jax.random.key(1), "detail": None}
    return inr.colorize(gray, model=tiny, progress=False, **(usual | options))


def test_a_perfect_denoiser_s_sample_is_the_chroma():
    """v of a known x0 at every level: any sampler ends there, from any noise."""
    x0 = jnp.array([[0.7, -1.2]])
    for eta in (0.0, 1.0):

        def denoiser(x, t):
            a, s = (jnp.asarray(z)[t] for z in (SCHEDULE.signal, SCHEDULE.noise))
            eps = (x - a * x0) / s
            return a * eps - s * x0

        made = diffusion.sample(
            jax.random.key(0),
            denoiser,
            jnp.array([[3.0, -2.0]]),
            schedule=SCHEDULE,
            sampler=diffusion.ddim(num_steps=8, eta=eta),
            predicts="v",
        )
        np.testing.assert_allclose(made, x0, atol=1e-4)


def test_the_last_level_has_no_signal():
    assert SCHEDULE.signal[-1] == 0
    assert SCHEDULE.noise[-1] == 1


@pytest.mark.parametrize("sampler", [DDIM, STOCHASTIC])
def test_every_size_and_part_shows_the_same_draw(tiny, sampler):
    whole = draws(tiny, picture(), size=(40, 40), sampler=sampler)
    part = draws(
        tiny, picture(), size=(20, 10), region=((0.25, 0.5), (0.75, 0.75)),
        sampler=sampler,
    )  # fmt: skip
    np.testing.assert_allclose(part, whole[10:30, 20:30], atol=2e-4)
    field = draw_restorer(jax.random.key(1), picture(), model=tiny, sampler=sampler)
    points = inr.coords.grid((40, 40))[7, 3:6]
    np.testing.assert_allclose(field(points), whole[7, 3:6], atol=2e-4)


@pytest.mark.slow
def test_keys_draw_different_colors_of_the_same_luma(tiny):
    made = draws(tiny, picture(30, 24), num_samples=3)
    assert made.shape == (3, 30, 24, 3)
    luma = color.rgb_to_luma(made)
    np.testing.assert_allclose(luma, np.stack([picture(30, 24)] * 3), atol=1e-5)
    spread = np.asarray(color.rgb_to_ycbcr(made)[..., 1:]).std(0)
    assert spread.min() > 1e-4
    # Each is the draw of a key of its own.
    keys = jax.random.split(jax.random.key(1), 3)
    alone = draws(tiny, picture(30, 24), key=keys[2])
    np.testing.assert_array_equal(made[2], alone)


@pytest.mark.slow
def test_a_small_image_has_the_restorer_s_luma(tiny):
    inner = LoadedModel(SMALL, {"params": tiny.params["params"]["restorer"]})
    mean = inr.colorize(picture(12, 12), size=(24, 24), model=inner, detail=None)
    made = draws(tiny, picture(12, 12), size=(24, 24))
    np.testing.assert_allclose(
        color.rgb_to_luma(made), color.rgb_to_luma(mean), atol=1e-5
    )


def silent(tiny):
    """The same, but that its denoiser says v = 0."""
    parts = dict(tiny.params["params"])
    zeros = jax.tree.map(np.zeros_like, parts["denoiser"]["v"])
    parts["denoiser"] = {**parts["denoiser"], "v": zeros}
    return LoadedModel(tiny.model, {"params": parts})


@pytest.mark.slow
@pytest.mark.parametrize("length", [0.3, np.inf])
def test_a_draw_starts_from_a_field_of_noise(tiny, length):
    """Of which a silent denoiser leaves a known part: x0 = a x - s v = a x at last."""
    flat = np.full((16, 16, 1), 0.5, np.float32)
    made = draws(silent(tiny), flat, length_scale=length)
    found = np.asarray(color.rgb_to_ycbcr(made)[..., 1:]) / TINY.deviation
    grid = inr.coords.grid((16, 16))
    start = diffusion.field_noise(grid, features=2, length_scale=length)
    x = np.asarray(start(jax.random.split(jax.random.key(1))[0]))
    if length == np.inf:
        assert np.ptp(x, axis=(0, 1)).max() < 1e-6
    levels = diffusion.spaced_levels(len(SCHEDULE), 4, spacing="trailing")[::-1]
    a, s = (np.asarray(z)[levels] for z in (SCHEDULE.signal, SCHEDULE.noise))
    for i in range(3):  # DDIM's own equation, with v = 0: x0 = a x, eps = s x
        x = a[i + 1] * (a[i] * x) + s[i + 1] * (s[i] * x)
    np.testing.assert_allclose(found, a[3] * x, atol=1e-4)


def test_a_length_of_nothing_is_refused(tiny):
    with refuses("`length_scale`"):
        draws(tiny, picture(), length_scale=0.0)


@pytest.mark.slow
def test_what_is_diffused_depends_on_everything_known(tiny):
    field = inr.bind(TINY, tiny.params, picture())
    point, x = jnp.array([0.1, -0.2]), jnp.array([0.3, 0.4])

    def v(point=point, x=x, t=400, bound=field):
        return np.asarray(bound(point, x, jnp.asarray(t)))

    other = inr.bind(TINY, tiny.params, 1 - picture())
    changed = (
        v(point + jnp.array([0.2, 0.0])),
        v(point + jnp.array([0.0, 0.2])),
        v(x=x + 1),
        v(t=40),
        v(bound=other),
    )
    for value in changed:
        assert np.abs(value - v()).max() > 1e-4


@pytest.mark.slow
def test_the_loss_scores_v_and_leaves_the_restorer_alone(tiny):
    loss = diffusion_loss(TINY, num_points=16)
    crops = np.random.default_rng(0).integers(0, 255, (2, 40, 40, 3), np.uint8)
    key = jax.random.key(0)
    (value, parts), gradient = jax.jit(jax.value_and_grad(loss, has_aux=True))(
        tiny.params, key, crops
    )
    assert set(parts) == {"restored", "colorized"}
    np.testing.assert_allclose(value, parts["restored"] + parts["colorized"], rtol=1e-5)
    parts_of = gradient["params"]
    assert all(not np.any(x) for x in jax.tree.leaves(parts_of["restorer"]))
    for name in ("known", "denoiser"):
        assert all(np.abs(x).max() > 0 for x in jax.tree.leaves(parts_of[name]))
    # A denoiser that says 0 errs by E v^2 = a^2 + s^2 E x0^2.
    gray = np.broadcast_to(np.uint8(120), (64, 40, 40, 3))
    _, parts = jax.jit(loss)(silent(tiny).params, key, gray)
    np.testing.assert_allclose(
        parts["colorized"], np.mean(SCHEDULE.alpha_bar), rtol=0.1
    )
    free = diffusion_loss(TINY, num_points=16, fixed_restorer=False)
    gradient = jax.jit(jax.grad(free, has_aux=True))(tiny.params, key, crops)[0]
    assert np.any(gradient["params"]["restorer"]["encoder"]["input"]["kernel"])


@pytest.mark.slow
def test_kept_in_a_file(tiny, tmp_path):
    path = tmp_path / "tiny.safetensors"
    save_model(path, *tiny)
    model, params = load_model(path)
    assert model == TINY
    for a, b in zip(*map(jax.tree.leaves, (params, tiny.params)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-6)
    assert draws(path, picture()).shape == (16, 20, 3)


@pytest.mark.slow
def test_guidance_of_one_is_none_and_more_goes_further(tiny):
    guided = LoadedModel(TINY.clone(dropout=0.1), tiny.params)
    plain = draws(tiny, picture())
    same = draws(guided, picture(), guidance_scale=1.0)
    np.testing.assert_allclose(same, plain, atol=1e-5)
    # Linear in the prediction, so that one step is linear in the scale.
    one = {"sampler": diffusion.ddim(num_steps=1)}
    zero, first, second = (
        np.asarray(draws(guided, picture(), guidance_scale=scale, **one))
        for scale in (0.0, 1.0, 2.0)
    )
    assert np.abs(first - zero).max() > 1e-4
    np.testing.assert_allclose(second - first, first - zero, atol=1e-5)
    with refuses("`guidance_scale` must be None, got 2.0. This model does not know"):
        draws(tiny, picture(), guidance_scale=2.0)


@pytest.mark.slow
def as_kind(**options):
    model = TINY.clone(**options)
    inputs = jnp.zeros((1, 2)), picture(), jnp.zeros((1, model.channels)), jnp.zeros(())
    return LoadedModel(model, noisy(model, *inputs))


@pytest.mark.slow
def test_what_is_diffused_is_how_far_chroma_is_from_the_mean():
    """So that a draw whose x0 is zero is the restorer's single pass."""
    kind = as_kind(diffused="residual", deviation=0.03)
    rgb, mean = np.random.default_rng(0).random((2, 5, 3), np.float32)
    x0 = kind.model.to_x0(jnp.asarray(rgb), jnp.asarray(mean))
    chroma = np.asarray(color.rgb_to_ycbcr(rgb))[..., 1:]
    np.testing.assert_allclose(0.03 * x0, chroma - mean[..., 1:], atol=1e-6)
    made = kind.model.to_rgb(x0, jnp.asarray(mean))
    np.testing.assert_allclose(color.rgb_to_ycbcr(made)[..., 1:], chroma, atol=1e-6)
    np.testing.assert_allclose(color.rgb_to_luma(made), mean[..., :1], atol=1e-6)
    inner = LoadedModel(SMALL, {"params": kind.params["params"]["restorer"]})
    one = diffusion.ddim(num_steps=1)  # a silent denoiser then says x0 = -v = 0
    drawn = draws(silent(kind), picture(30, 24), sampler=one)
    single = inr.colorize(picture(30, 24), model=inner, progress=False)
    np.testing.assert_allclose(drawn, single, atol=1e-5)


@pytest.mark.slow
def test_rgb_is_diffused_by_option():
    kind = as_kind(diffused="rgb", deviation=0.25)
    rgb = np.random.default_rng(0).random((5, 3), np.float32)
    x0 = kind.model.to_x0(jnp.asarray(rgb), jnp.asarray(rgb))
    np.testing.assert_allclose(x0, 4 * rgb - 2, atol=1e-6)
    np.testing.assert_allclose(kind.model.to_rgb(x0, x0), rgb, atol=1e-6)
    made = draws(kind, picture(30, 24))
    assert made.shape == (30, 24, 3)
    # Luma is then drawn, too.
    assert np.abs(color.rgb_to_luma(made) - picture(30, 24)).max() > 0.01
    starts_as_noise = silent(kind)
    one = draws(starts_as_noise, picture(), sampler=diffusion.ddim(num_steps=1))
    np.testing.assert_allclose(one, 0.5, atol=1e-5)  # v = 0 where a = 0 says x0 = 0


@pytest.mark.slow
@pytest.mark.parametrize("predicts", ["x0", "eps"])
def test_a_silent_denoiser_of_another_kind_errs_by_its_target(predicts):
    """By E x0^2, which is 0 for gray; or by E eps^2 = 1."""
    kind = silent(as_kind(predicts=predicts))
    gray = np.broadcast_to(np.uint8(120), (16, 40, 40, 3))
    loss = jax.jit(diffusion_loss(kind.model, num_points=16))
    _, parts = loss(kind.params, jax.random.key(0), gray)
    expected = {"x0": 0.0, "eps": 1.0}[predicts]
    np.testing.assert_allclose(parts["colorized"], expected, atol=0.08)
    last = kind.model.schedule.signal[-1]
    assert (last == 0) == (predicts == "x0")
    assert np.isfinite(draws(kind, picture())).all()


@pytest.mark.slow
def test_nothing_is_learned_from_what_is_dropped():
    kind = as_kind(dropout=1.0)
    crops = np.random.default_rng(0).integers(0, 255, (2, 40, 40, 3), np.uint8)
    loss = jax.jit(jax.grad(diffusion_loss(kind.model, num_points=16), has_aux=True))
    gradient = loss(kind.params, jax.random.key(0), crops)[0]["params"]
    assert not any(np.any(x) for x in jax.tree.leaves(gradient["known"]))
    assert np.any(gradient["denoiser"]["v"]["kernel"])


@pytest.mark.parametrize(("name", "calls"), [("ddpm", 100), ("b", 15), ("ours", 8)])
def test_presets_take_the_steps_they_are_known_for(name, calls):
    rows = PRESETS[name]["sampler"].table(SCHEDULE)
    assert len(rows.level) == calls
    assert int(np.max(rows.level)) == len(SCHEDULE) - 1


@pytest.mark.slow
def test_presets_are_options_of_colorize(tiny):
    made = draws(tiny, picture(), **PRESETS["b"])
    assert made.shape == (16, 20, 3)
    other = draws(tiny, picture(), **{**PRESETS["b"], "hooks": None})
    assert np.abs(made - other).max() > 1e-4


def test_unknown_kinds_are_refused():
    with refuses("`diffused` must be"):
        DiffusionRestorer(diffused="lab")
    with refuses("`predicts` must be"):
        DiffusionRestorer(predicts="flow")


def test_half_a_request_is_refused(tiny):
    together = "`sampler`, `key` and `num_samples` must be given together"
    for options in (
        {"sampler": DDIM},
        {"key": jax.random.key(0)},
        {"num_samples": 2},
    ):
        with refuses(together):
            inr.colorize(picture(), model=tiny, **options)
    with refuses("`model` must be a `DiffusionRestorer`, got a `Restorer`"):
        draws(LoadedModel(SMALL, {}), picture())
    with refuses("`model` must be one of"):
        draws("nobody", picture())
    with refuses("`num_samples` must be"):
        draws(tiny, picture(), num_samples=0)
