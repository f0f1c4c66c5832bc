"""Images by their derivatives, against closed forms and the grid's own solution."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import count_compilations, refuses

import inr
from inr import coords, poisson, signals
from inr.fitting.terms import loss_and_gradient, value_residual

MODEL = inr.Siren(features=2, width=32, depth=2, omega=8.0)


def quadratic(x):
    """Two features of degree 2: a forward difference is its slope at mid-edge."""
    y, x = x[..., 0], x[..., 1]
    return jnp.stack([0.3 * y * y - 0.2 * y * x + x, x * x + 0.1 * y], -1)


def smooth_image(size):
    y, x = np.moveaxis(np.asarray(coords.grid(size)), -1, 0)
    return np.stack(
        [0.5 + 0.3 * np.sin(3 * y + x), 0.4 + 0.2 * np.cos(2 * x) * y], -1
    ).astype(np.float32)


def residual(term, field):
    return np.asarray(term.residual(field, term.data))


def test_a_difference_is_the_slope_at_the_middle_of_its_edge():
    image = quadratic(coords.grid((7, 11)))
    term = signals.gradient_term(poisson.grid_gradient(image))
    assert len(term.data[0]) == 6 * 11 + 7 * 10
    assert np.abs(residual(term, quadratic)).max() < 1e-6
    # Not so at pixel centers: half a pixel off, the slope of x^2 differs.
    centers = coords.grid((7, 11))[:, :-1].reshape(-1, 2)
    right = [x[6 * 11 :] for x in term.data[1:]]
    off = signals.slope_residual(quadratic, (centers, *right))
    assert np.abs(off[:, 1]).max() > 0.01


@pytest.mark.slow
@pytest.mark.parametrize("axis", [0, 1])
def test_between_the_middles_an_alias_is_not_the_wave(key, axis):
    """Waves of a and of 2 pi - a a pixel have equal slopes at the middles of edges."""
    size, a = (32, 24), 0.3

    def wave(angle):
        factor = 2 * np.sin(a / 2) / angle  # its slope is the difference of cos(a i)

        def field(x):
            pixel = (x[..., axis : axis + 1] + 1) * size[axis] / 2 - 0.5
            return factor * jnp.cos(angle * pixel)

        return field

    index = np.arange(size[axis])
    line = np.cos(a * index)[:, None] if axis == 0 else np.cos(a * index)[None]
    image = np.broadcast_to(line, size)[..., None].astype(np.float32)
    guidance = poisson.grid_gradient(image)

    def loss(field, between):
        term = signals.gradient_term(guidance, between=between)
        batches = [term.data]
        if between:
            batches = [term.data(k, 0) for k in jax.random.split(key, 4)]
        return np.mean([term.reduce(term.residual(field, x)) for x in batches])

    true, alias = wave(a), wave(2 * np.pi - a)
    assert loss(true, 0.0) < 1e-6
    assert loss(alias, 0.0) < 1e-6
    assert loss(true, 1.0) < 1e-4  # what cubic interpolation misses
    assert loss(alias, 1.0) > 0.1


@pytest.mark.slow
def test_a_share_of_the_steps_moves_the_edges(key):
    """Moved by less than half a pixel, and all by as much; otherwise as they are."""
    image = quadratic(coords.grid((9, 11)))
    guidance = poisson.grid_gradient(image)
    fixed = signals.gradient_term(guidance).data
    data = signals.gradient_term(guidance, between=0.25).data
    drawn = jax.jit(lambda k: data(k, 0))
    pitch = np.asarray(coords.pitch((9, 11)))
    moved = []
    for k in jax.random.split(key, 200):
        places, direction, wanted = drawn(k)
        shift = np.asarray(places - fixed[0]) / pitch
        np.testing.assert_allclose(
            shift, np.broadcast_to(shift[:1], shift.shape), atol=1e-4
        )
        assert np.abs(shift).max() <= 0.5 + 1e-4
        np.testing.assert_array_equal(direction, fixed[1])
        moved.append(np.abs(shift).max() > 1e-3)
        if not moved[-1]:
            np.testing.assert_allclose(wanted, fixed[2], atol=1e-6)
    assert 0.25 - 0.1 < np.mean(moved) < 0.25 + 0.1


@pytest.mark.slow
def test_pixels_move_for_the_laplacian_too(key):
    """Of x^3, whose Laplacian is linear and so the same wherever it is read."""
    size = (8, 10)
    x = np.asarray(coords.grid(size))[..., 1:]
    laplacian = 6 * x * float(coords.pitch(size)[1]) ** 2
    terms = signals.laplacian_terms(laplacian, np.float32(x**3), between=1.0)
    for k in jax.random.split(key, 3):
        batch = terms[0].data(k, 0)
        places, _, wanted = batch
        found = terms[0].residual(lambda c: c[..., 1:] ** 3, batch)
        assert (
            np.abs(
                np.asarray(places) - coords.grid(size)[1:-1, 1:-1].reshape(-1, 2)
            ).max()
            > 1e-3
        )
        # Not beside the border, beyond which the grid's values continue.
        inner = np.abs(np.asarray(places)[:, 1]) < 0.5
        np.testing.assert_allclose(found[inner], 0, atol=1e-5)
        assert len(wanted) == 6 * 8


def test_errors_of_slopes_count_as_the_image_they_add_up_to():
    """Of a field whose slopes are wrong by those of an image, the image's variance."""
    wrong = smooth_image((9, 13))
    term = signals.gradient_term(poisson.grid_gradient(wrong))

    def nothing(x):
        return jnp.zeros((*x.shape[:-1], 2))

    loss = term.reduce(term.residual(nothing, term.data))
    expected = np.square(wrong - wrong.mean((0, 1))).mean()
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


@pytest.mark.slow
def test_errors_of_the_laplacian_count_as_the_image_that_has_it():
    """Zero around: then the border has no say in it."""
    wrong = np.pad(smooth_image((7, 9)), ((1, 1), (1, 1), (0, 0)))
    term, border = signals.laplacian_terms(poisson.grid_laplacian(wrong), wrong)

    def nothing(x):
        return jnp.zeros((*x.shape[:-1], 2))

    loss = term.reduce(term.residual(nothing, term.data))
    np.testing.assert_allclose(loss, np.square(wrong[1:-1, 1:-1]).mean(), rtol=1e-4)
    assert np.abs(residual(border, nothing)).max() == 0


@pytest.mark.slow
def test_a_loss_of_all_residuals_is_taken_in_blocks(key):
    """More rows than a few blocks: loss and gradient as without them."""
    image = smooth_image((96, 96))
    term = signals.gradient_term(poisson.grid_gradient(image))
    model = inr.Siren(features=2, width=8, depth=1)
    params = model.init(key, jnp.zeros((1, 2)))
    assert len(term.data[0]) > 4 * 4096
    loss, slope = loss_and_gradient(key, jnp.int32(0), model, params, (term,))

    def whole(trained):
        field = inr.bind(model, {**params, "params": trained})
        return term.reduce(term.residual(field, term.data))

    expected = jax.value_and_grad(whole)(params["params"])
    np.testing.assert_allclose(loss, expected[0], rtol=1e-5)
    chex.assert_trees_all_close(slope, expected[1], rtol=1e-3, atol=1e-5)


@pytest.mark.slow
def test_the_laplacian_of_a_quadratic_is_that_of_the_grid():
    image = quadratic(coords.grid((6, 9)))
    term, border = signals.laplacian_terms(poisson.grid_laplacian(image), image)
    assert np.abs(residual(term, quadratic)).max() < 1e-6
    assert np.abs(residual(border, quadratic)).max() < 1e-6
    assert len(term.data[0]) == 4 * 7
    assert len(border.data[0]) == 6 * 9 - 4 * 7


@pytest.mark.slow
def test_the_laplacian_per_pixel_of_a_family_and_of_a_function(key):
    """Streams and jvp of jvp, with pixels that are not square."""
    x = coords.random_points(key, 40)
    field = inr.bind(MODEL, MODEL.init(key, x))
    pitch = jnp.broadcast_to(jnp.array([0.3, 0.7]), x.shape)
    zero = jnp.zeros((40, 2))
    hessian = inr.hessian(field, x)
    expected = 0.3**2 * hessian[:, 0, 0] + 0.7**2 * hessian[:, 1, 1]
    scale = np.abs(expected).max()
    for made in (field, lambda x: field(x)):
        found = signals.laplacian_residual(made, (x, pitch, zero))
        np.testing.assert_allclose(found, expected, atol=1e-5 * scale)


def test_the_lengths_of_gradient_and_hessian():
    x = jnp.array([[0.2, -0.4], [0.9, 0.1]])
    y, z = np.asarray(x).T
    first = np.stack([0.6 * y - 0.2 * z, 1 - 0.2 * y], -1)
    found = signals.gradient_length(quadratic, (x,))
    np.testing.assert_allclose(found[:, 0], np.linalg.norm(first, axis=-1), rtol=1e-5)
    found = signals.hessian_length(quadratic, (x,))
    expected = [np.sqrt(0.6**2 + 2 * 0.2**2), 2.0]
    np.testing.assert_allclose(found, np.broadcast_to(expected, (2, 2)), rtol=1e-5)
    # A constant has no length, and a finite derivative of it.
    slope = jax.grad(
        lambda a: signals.gradient_length(lambda x: a * quadratic(x), (x,)).sum()
    )(0.0)
    assert np.isfinite(slope)


@pytest.mark.slow
def test_a_gradient_alone_gives_back_the_image(key):
    image = smooth_image((24, 16))
    mean = image.mean((0, 1))
    guidance = poisson.grid_gradient(image)
    result = signals.fit_gradient(
        key, MODEL, guidance, mean=mean, num_steps=400, progress=False
    )
    found = inr.render(inr.bind(MODEL, result.params), (24, 16), progress=False)
    np.testing.assert_allclose(np.mean(found, (0, 1)), mean, atol=1e-5)
    assert inr.psnr(np.clip(found, 0, 1), image) > 45
    assert result.history[-1] < 1e-3 * result.history[0]


@pytest.mark.slow
def test_a_laplacian_and_the_border_give_back_the_image(key):
    image = smooth_image((20, 20))
    laplacian = poisson.grid_laplacian(image)
    hidden = image.copy()
    hidden[1:-1, 1:-1] = np.nan  # only the border may be read
    result = signals.fit_laplacian(
        key, MODEL, laplacian, hidden, num_steps=600, progress=False
    )
    found = inr.render(inr.bind(MODEL, result.params), (20, 20), progress=False)
    assert inr.psnr(np.clip(found, 0, 1), image) > 40


@pytest.mark.slow
@pytest.mark.parametrize("order", [1, 2])
def test_a_prior_smooths_what_samples_leave_open(key, order):
    """A tenth of the pixels of a smooth image; without the prior it is worse."""
    image = smooth_image((32, 32))
    known = jax.random.permutation(key, 32 * 32)[:100]
    data = (coords.grid((32, 32)).reshape(-1, 2)[known], image.reshape(-1, 2)[known])
    model = inr.Siren(features=2, width=32, depth=2, omega=20.0)
    values = inr.Term(lambda field, batch: field(batch[0]) - batch[1], data)

    def score(terms):
        result = inr.fit(key, model, terms, num_steps=300, progress=False)
        found = inr.render(inr.bind(model, result.params), (32, 32), progress=False)
        return float(inr.psnr(np.clip(found, 0, 1), image))

    weight = {1: 1e-3, 2: 1e-5}[order]
    prior = signals.smoothness_term(weight=weight, order=order, batch_size=512)
    assert score((values, prior)) > score(values) + 3


@pytest.mark.slow
def test_a_prior_of_an_image_is_one_more_term(key):
    """With the same start `fit_image` takes the steps of `fit` with both terms."""
    image = smooth_image((8, 8))
    prior = signals.smoothness_term(weight=0.1, batch_size=64)
    options = {"num_steps": 3, "progress": False}
    start = inr.fit_image(key, MODEL, image, **options).params
    options |= {"params": start, "learning_rate": 1e-3}
    ours = inr.fit_image(key, MODEL, image, prior=prior, **options)
    rows = (coords.grid((8, 8)).reshape(-1, 2), image.reshape(-1, 2))
    values = inr.Term(value_residual, rows)
    both = inr.fit(key, MODEL, (values, prior), **options)
    np.testing.assert_array_equal(ours.history, both.history)
    alone = inr.fit_image(key, MODEL, image, **options)
    assert ours.history[0] > alone.history[0]


@pytest.mark.slow
def test_a_second_fit_compiles_nothing(key):
    guidance = np.asarray(poisson.grid_gradient(smooth_image((8, 8))))
    options = {"num_steps": 3, "progress": False}
    signals.fit_gradient(key, MODEL, guidance, **options)
    with count_compilations() as number:
        signals.fit_gradient(key, MODEL, 2 * guidance, **options)
    assert number() == 0


def test_bad_input_is_refused(key):
    image = smooth_image((6, 6))
    with refuses("`guidance` must be \\[h, w, 2, c\\]"):
        signals.gradient_term(image)
    with refuses("`guidance` must be \\[h, w, 2, c\\] with h and w at least 2"):
        signals.gradient_term(np.zeros((1, 6, 2, 1), np.float32))
    with refuses("`guidance` must be finite"):
        signals.gradient_term(np.full((4, 4, 2, 1), np.nan, np.float32))
    with refuses("`between`"):
        signals.gradient_term(poisson.grid_gradient(image), between=1.5)
    with refuses("`border` must be of the laplacian's shape"):
        signals.laplacian_terms(image, image[:5])
    with refuses("`border` must be finite"):
        signals.laplacian_terms(image, image * np.nan)
    with refuses("`model` must be one with features=2, got features=3"):
        model = inr.Siren(features=3)
        signals.fit_gradient(key, model, poisson.grid_gradient(image))
    with refuses("`order` must be one of"):
        signals.smoothness_term(weight=1.0, order=3)
    with refuses("`unit` must be \\(2,\\)"):
        inr.value_gradient_laplacian(quadratic, image, unit=np.ones(3))
