"""Terms for derivatives of images, against closed forms."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import refuses

import inr
from inr import coords, poisson, signals
from inr.fitting.losses import loss_and_gradient

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


@pytest.mark.slow
def test_a_difference_is_the_slope_at_the_middle_of_its_edge():
    image = quadratic(coords.grid((7, 11)))
    term = signals.gradient_term(poisson.grid_gradient(image))
    assert len(term.data[0]) == 6 * 11 + 7 * 10
    assert np.abs(residual(term, quadratic)).max() < 1e-6
    # At pixel centers, half a pixel away, the slope of x^2 differs.
    centers = coords.grid((7, 11))[:, :-1].reshape(-1, 2)
    right = [x[6 * 11 :] for x in term.data[1:]]
    off = signals.slope_residual(quadratic, (centers, *right))
    assert np.abs(off[:, 1]).max() > 0.01


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("axis", [0, 1])
def test_between_the_middles_an_alias_is_not_the_wave(key, axis):
    """Waves of a and of 2 pi - a per pixel have equal slopes at the edges' middles."""
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
def test_a_share_of_the_steps_shifts_the_edges(key):
    """All edges are shifted by one part of a pixel, at most half, or not at all."""
    image = quadratic(coords.grid((9, 11)))
    guidance = poisson.grid_gradient(image)
    fixed = signals.gradient_term(guidance).data
    data = signals.gradient_term(guidance, between=0.25).data
    draw = jax.jit(lambda k: data(k, 0))
    pitch = np.asarray(coords.pitch((9, 11)))
    is_shifted = []
    for k in jax.random.split(key, 200):
        places, direction, target = draw(k)
        shift = np.asarray(places - fixed[0]) / pitch
        np.testing.assert_allclose(
            shift, np.broadcast_to(shift[:1], shift.shape), atol=1e-4
        )
        assert np.abs(shift).max() <= 0.5 + 1e-4
        np.testing.assert_array_equal(direction, fixed[1])
        is_shifted.append(np.abs(shift).max() > 1e-3)
        if not is_shifted[-1]:
            np.testing.assert_allclose(target, fixed[2], atol=1e-6)
    assert 0.25 - 0.1 < np.mean(is_shifted) < 0.25 + 0.1


@pytest.mark.slow
def test_pixels_are_shifted_for_the_laplacian_too(key):
    """Of x^3, whose Laplacian is linear, so that interpolation is exact."""
    size = (8, 10)
    x = np.asarray(coords.grid(size))[..., 1:]
    laplacian = 6 * x * float(coords.pitch(size)[1]) ** 2
    terms = signals.laplacian_terms(laplacian, np.float32(x**3), between=1.0)
    for k in jax.random.split(key, 3):
        batch = terms[0].data(k, 0)
        places, _, target = batch
        error = terms[0].residual(lambda c: c[..., 1:] ** 3, batch)
        assert (
            np.abs(
                np.asarray(places) - coords.grid(size)[1:-1, 1:-1].reshape(-1, 2)
            ).max()
            > 1e-3
        )
        # Interpolation is not exact near the border, beyond which values continue.
        inner = np.abs(np.asarray(places)[:, 1]) < 0.5
        np.testing.assert_allclose(error[inner], 0, atol=1e-5)
        assert len(target) == 6 * 8


@pytest.mark.slow
def test_errors_of_slopes_are_measured_by_the_image_they_add_up_to():
    """For a field whose errors are the slopes of an image: the image's variance."""
    image = smooth_image((9, 13))
    term = signals.gradient_term(poisson.grid_gradient(image))

    def zero(x):
        return jnp.zeros((*x.shape[:-1], 2))

    loss = term.reduce(term.residual(zero, term.data))
    expected = np.square(image - image.mean((0, 1))).mean()
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


@pytest.mark.slow
def test_errors_of_the_laplacian_are_measured_by_the_image_that_has_it():
    """The image is zero along the border, whose term then vanishes."""
    image = np.pad(smooth_image((7, 9)), ((1, 1), (1, 1), (0, 0)))
    term, border = signals.laplacian_terms(poisson.grid_laplacian(image), image)

    def zero(x):
        return jnp.zeros((*x.shape[:-1], 2))

    loss = term.reduce(term.residual(zero, term.data))
    np.testing.assert_allclose(loss, np.square(image[1:-1, 1:-1]).mean(), rtol=1e-4)
    assert np.abs(residual(border, zero)).max() == 0


@pytest.mark.long
@pytest.mark.slow
def test_a_loss_of_all_residuals_is_computed_in_blocks(key):
    """More rows than a few blocks: loss and gradient as without them."""
    image = smooth_image((96, 96))
    term = signals.gradient_term(poisson.grid_gradient(image))
    model = inr.Siren(features=2, width=8, depth=1)
    params = model.init(key, jnp.zeros((1, 2)))
    assert len(term.data[0]) > 4 * 4096
    loss, gradient = loss_and_gradient(key, jnp.int32(0), model, params, (term,))

    def unsplit(trained):
        field = inr.bind(model, {**params, "params": trained})
        return term.reduce(term.residual(field, term.data))

    expected = jax.value_and_grad(unsplit)(params["params"])
    np.testing.assert_allclose(loss, expected[0], rtol=1e-5)
    chex.assert_trees_all_close(gradient, expected[1], rtol=1e-3, atol=1e-5)


@pytest.mark.long
@pytest.mark.slow
def test_the_laplacian_of_a_quadratic_is_that_of_the_grid():
    image = quadratic(coords.grid((6, 9)))
    term, border = signals.laplacian_terms(poisson.grid_laplacian(image), image)
    assert np.abs(residual(term, quadratic)).max() < 1e-6
    assert np.abs(residual(border, quadratic)).max() < 1e-6
    assert len(term.data[0]) == 4 * 7
    assert len(border.data[0]) == 6 * 9 - 4 * 7


@pytest.mark.long
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
    for function in (field, lambda x: field(x)):
        residuals = signals.laplacian_residual(function, (x, pitch, zero))
        np.testing.assert_allclose(residuals, expected, atol=1e-5 * scale)


def test_bad_input_is_refused():
    image = smooth_image((6, 6))
    with refuses("`guidance` must be \\[h, w, 2, c\\]"):
        signals.gradient_term(image)
    with refuses("`guidance` must be \\[h, w, 2, c\\] with h and w at least 2"):
        signals.gradient_term(np.zeros((1, 6, 2, 1), np.float32))
    with refuses("`guidance` must be finite"):
        signals.gradient_term(np.full((4, 4, 2, 1), np.nan, np.float32))
    with refuses("`between`"):
        signals.gradient_term(poisson.grid_gradient(image), between=1.5)
    with refuses("`border` must be of shape"):
        signals.laplacian_terms(image, image[:5])
    with refuses("`border` must be finite"):
        signals.laplacian_terms(image, image * np.nan)
    with refuses("`unit` must be of shape \\(2,\\)"):
        inr.value_gradient_laplacian(quadratic, image, unit=np.ones(3))
