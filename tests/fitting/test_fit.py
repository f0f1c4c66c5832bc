import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from support import count_compilations, refuses

import inr
from inr import coords

SMALL = inr.Siren(features=2, width=32, depth=1)


def smooth_image(h=16, w=16):
    y, x = np.moveaxis(np.asarray(coords.grid((h, w))), -1, 0)
    image = np.stack([0.5 + 0.4 * np.sin(3 * x + y), 0.5 + 0.3 * np.cos(2 * y)], -1)
    return image.astype(np.float32)


def fit(image=None, model=SMALL, *, key=0, **options):
    image = smooth_image() if image is None else image
    options = {"num_steps": 60, "progress": False, **options}
    return inr.fit_image(jax.random.key(key), model, image, **options)


def mse(result, image, model=SMALL):
    rendered = inr.render(inr.bind(model, result.params), image.shape[:2])
    return float(jnp.mean((rendered - image) ** 2))


def test_a_smooth_image_is_held_and_the_history_is_its_error():
    image = smooth_image()
    result = fit(image, num_steps=200)
    assert mse(result, image) < 1e-5
    again = fit(image, num_steps=1, params=result.params)
    np.testing.assert_allclose(again.history[0], mse(result, image), rtol=1e-3)
    assert result.status == "finished"
    assert result.step == len(result.history) == 200


def test_between_the_pixels_the_field_follows_the_signal():
    model = SMALL.clone(omega=5.0)
    result = fit(model=model, num_steps=300)
    fine = inr.render(inr.bind(model, result.params), (64, 64))
    inner = (slice(4, -4), slice(4, -4))
    assert float(jnp.abs(fine - smooth_image(64, 64))[inner].max()) < 0.02


def test_normalization_is_set_from_the_image_and_not_trained():
    image = smooth_image(8, 16)
    result = fit(image, num_steps=5)
    kept = result.params["normalization"]
    np.testing.assert_allclose(kept["coords_scale"], [0.5, 1.0])
    middle = (image.min((0, 1)) + image.max((0, 1))) / 2
    np.testing.assert_allclose(kept["features_shift"], middle, atol=1e-6)


def test_coords_outside_the_unit_box_are_brought_in(key):
    points = 100 + 50 * coords.random_points(key, 200)
    features = jnp.sin(points.sum(-1, keepdims=True) / 40)
    model = inr.Siren(width=32, depth=1)
    result = inr.fit(key, model, (points, features), num_steps=200, progress=False)
    field = inr.bind(model, result.params)
    assert float(jnp.mean((field(points) - features) ** 2)) < 1e-3
    scale = np.asarray(result.params["normalization"]["coords_scale"])
    assert scale[0] == scale[1]


def test_the_scan_equals_a_loop_of_pure_steps():
    image = smooth_image()
    data = (coords.grid((16, 16)).reshape(-1, 2), jnp.asarray(image).reshape(-1, 2))
    key_init, key_steps = jax.random.split(jax.random.key(0))
    start = fit(num_steps=1, learning_rate=1e-30).params
    state = inr.init_fit(key_init, SMALL, data, params=start)
    step = jax.jit(inr.fit_step, static_argnums=2)
    losses = []
    for _ in range(8):
        options = {"num_steps": 8, "learning_rate": 1e-3}
        state, info = step(key_steps, state, SMALL, data, **options)
        losses.append(float(info.loss))
    result = fit(num_steps=8, learning_rate=1e-3)
    np.testing.assert_allclose(result.history, losses, rtol=1e-5)
    chex.assert_trees_all_close(result.params, state.params, atol=1e-6)


def test_the_step_is_the_gradient_of_the_mean_square():
    model = inr.Siren(width=8, depth=0)
    data = (coords.grid((3, 5)).reshape(-1, 2), jnp.ones((15, 1)))
    optimizer = optax.sgd(0.1)
    state = inr.init_fit(jax.random.key(1), model, data, optimizer=optimizer)

    def loss(params):
        return jnp.mean((model.apply(params, data[0]) - data[1]) ** 2)

    gradient = jax.grad(loss)(state.params)["params"]
    stepped, info = inr.fit_step(
        jax.random.key(2), state, model, data, optimizer=optimizer
    )
    expected = jax.tree.map(lambda p, g: p - 0.1 * g, state.params["params"], gradient)
    chex.assert_trees_all_close(stepped.params["params"], expected, atol=1e-6)
    np.testing.assert_allclose(info.loss, loss(state.params), rtol=1e-6)


@pytest.mark.slow
def test_blocks_of_rows_give_the_loss_and_gradient_of_the_whole(key):
    model = inr.Siren(width=16, depth=1)
    points = coords.random_points(key, 9001)  # three blocks, the last one padded
    features = jnp.sin(3 * points[:, :1])
    state = inr.init_fit(key, model, (points, features), optimizer=optax.sgd(1.0))
    whole = inr.Term(
        lambda f, b: f(b[0]) - b[1], (points, features), reduce=lambda r: (r**2).mean()
    )
    blocked, direct = (
        inr.fit_step(key, state, model, data, optimizer=optax.sgd(1.0))
        for data in ((points, features), whole)
    )
    chex.assert_trees_all_close(blocked[0].params, direct[0].params, atol=1e-6)
    np.testing.assert_allclose(blocked[1].loss, direct[1].loss, rtol=1e-5)


def test_a_second_call_with_equal_objects_compiles_nothing():
    def call(steps, rate):
        model = inr.Siren(features=2, width=32, depth=1)
        fit(smooth_image(), model, num_steps=steps, learning_rate=rate, key=steps)

    call(3, 1e-3)
    with count_compilations() as count:
        call(5, 2e-3)
    assert count() == 0


def test_it_stops_at_the_first_step_that_reaches_the_target():
    whole = fit(num_steps=150)
    psnr = -10 * np.log10(whole.history)
    result = fit(num_steps=150, target_psnr=30.0)
    assert result.status == "target reached"
    first = int(np.argmax(psnr >= 30))
    assert result.step == first
    np.testing.assert_array_equal(result.history, whole.history[: first + 1])
    np.testing.assert_allclose(
        mse(result, smooth_image()), result.history[-1], rtol=1e-3
    )


def test_weights_choose_the_pixels():
    image = smooth_image()
    seen = np.zeros((16, 16), np.float32)
    seen[::2, ::2] = 1
    spoiled = np.where(seen[..., None] > 0, image, 0.77)
    model = SMALL.clone(omega=5.0)
    result = fit(spoiled, model, weights=seen, num_steps=200)
    rendered = inr.render(inr.bind(model, result.params), (16, 16))
    error = jnp.abs(rendered - image)
    assert float(error[::2, ::2].max()) < 0.01
    assert float(jnp.median(error)) < 0.05  # the others follow the signal, not 0.77


def test_weights_of_one_are_no_weights_and_their_scale_does_not_matter():
    plain = fit(num_steps=10)
    weighted = fit(num_steps=10, weights=np.full((16, 16), 3.0, np.float32))
    np.testing.assert_allclose(weighted.history, plain.history, rtol=1e-4)


def test_minibatches_follow_the_key():
    first, again = (fit(batch_size=64, num_steps=20).history for _ in range(2))
    np.testing.assert_array_equal(first, again)
    other = fit(batch_size=64, num_steps=20, key=1).history
    assert not np.array_equal(first, other)
    assert fit(batch_size=64, num_steps=300).history[-1] < 1e-3


def double_residual(field, batch):
    points, values = batch
    return 2 * (field(points) - values)


def drawn(key, step):
    points = coords.random_points(key, 128)
    return points, jnp.sin(3 * points.sum(-1, keepdims=True))


@pytest.mark.slow
def test_terms_add_up_with_their_weights(key):
    model = inr.Siren(width=16, depth=1)
    data = (coords.grid((4, 4)).reshape(-1, 2), jnp.ones((16, 1)))
    state = inr.init_fit(key, model, data)
    terms = (
        inr.Term(double_residual, data, weight=0.5),
        inr.Term(double_residual, data),
    )
    single = inr.fit_step(key, state, model, data)[1].loss
    both = inr.fit_step(key, state, model, terms)[1].loss
    np.testing.assert_allclose(both, 6 * single, rtol=1e-5)


@pytest.mark.slow
def test_batches_may_be_made_by_a_function(key):
    model = inr.Siren(width=32, depth=1, omega=10.0)
    term = inr.Term(double_residual, drawn)
    result = inr.fit(key, model, term, num_steps=400, progress=False)
    points, values = drawn(jax.random.key(7), 0)
    error = inr.bind(model, result.params)(points) - values
    assert float(jnp.mean(error**2)) < 1e-3


@pytest.mark.slow
def test_any_optax_optimizer_fits_also_one_with_a_line_search():
    lbfgs = fit(num_steps=30, optimizer=optax.lbfgs())
    assert lbfgs.history[-1] < 1e-4
    sgd = fit(num_steps=30, optimizer=optax.sgd(1e-2, momentum=0.9))
    assert sgd.history[-1] < sgd.history[0]


def test_a_plain_linen_module_fits_too(key):
    from flax import linen as nn

    model = nn.Sequential((nn.Dense(32), nn.tanh, nn.Dense(1)))
    points = coords.random_points(key, 100)
    data = (points, points.sum(-1, keepdims=True))
    result = inr.fit(
        key, model, data, num_steps=300, learning_rate=1e-2, progress=False
    )
    assert result.history[-1] < 1e-3


def test_a_module_that_does_not_hash_is_refused(key):
    from flax import linen as nn

    data = (jnp.zeros((3, 2)), jnp.zeros((3, 1)))
    with refuses("tuples", TypeError):
        inr.fit(key, nn.Sequential([nn.Dense(1)]), data)
    with refuses("plain function", TypeError):
        inr.fit(key, jnp.sin, data)


def test_divergence_raises_and_keeps_the_best():
    with pytest.raises(inr.FitDiverged, match="learning_rate") as caught:
        fit(num_steps=100, optimizer=optax.sgd(1e30))
    result = caught.value.result
    assert result.status == "diverged"
    assert all(bool(jnp.isfinite(x).all()) for x in jax.tree.leaves(result.params))


def test_an_interruption_returns_the_best_so_far():
    def stop(step, loss, field):
        if step >= 20:
            raise KeyboardInterrupt

    result = fit(num_steps=10_000, callback=stop)
    assert result.status == "interrupted"
    assert 20 <= len(result.history) < 1000
    assert mse(result, smooth_image()) < result.history[0] / 3


def test_a_callback_sees_the_field():
    seen = []
    result = fit(callback=lambda step, loss, field: seen.append((step, field)))
    steps, fields = zip(*seen, strict=True)
    assert list(steps) == sorted(set(steps))
    assert steps[-1] == 60
    chex.assert_trees_all_equal(fields[-1].params, result.params)


def test_a_warm_start_goes_on_from_the_parameters():
    first = fit(num_steps=100)
    second = fit(num_steps=10, params=first.params, learning_rate=1e-4)
    assert second.history[0] < first.history[60]


@pytest.mark.parametrize("batch_size", [None, 50])
def test_a_resumed_fit_equals_an_uninterrupted_one_bit_by_bit(tmp_path, batch_size):
    def stop(step, loss, field):
        if step >= 30:
            raise KeyboardInterrupt

    options = {"batch_size": batch_size, "num_steps": 90}
    whole = fit(**options)
    partial = fit(**options, checkpoint=tmp_path / "a", callback=stop)
    assert partial.status == "interrupted"
    resumed = fit(**options, checkpoint=tmp_path / "a")
    chex.assert_trees_all_equal(resumed.params, whole.params)
    np.testing.assert_array_equal(resumed.history, whole.history)
    finished = fit(**options, checkpoint=tmp_path / "a")
    chex.assert_trees_all_equal(finished.params, whole.params)


def test_a_checkpoint_of_another_model_is_refused(tmp_path):
    fit(num_steps=3, checkpoint=tmp_path)
    with refuses("`checkpoint`"):
        fit(model=inr.Siren(features=2, width=16, depth=1), checkpoint=tmp_path)
    (tmp_path / "file").write_text("x")
    with refuses("`checkpoint`"):
        fit(checkpoint=tmp_path / "file")


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((0, 4, 2), np.float32), "`image` must be non-empty"),
        (np.full((4, 4, 2), np.nan, np.float32), "`image` must be finite"),
        (np.full((4, 4, 2), np.inf, np.float32), "`image` must be finite"),
        (np.zeros((2, 4, 4, 2), np.float32), "`image` must be"),
        (np.zeros((4, 4, 2), np.uint8), "Divide by 255"),
        (np.zeros((4, 4, 3), np.float32), "features=3"),
    ],
)
def test_bad_images_are_refused(image, message):
    with refuses(message):
        fit(image)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_steps": 0}, "`num_steps`"),
        ({"num_steps": 2.5}, "`num_steps`"),
        ({"learning_rate": -1.0}, "`learning_rate`"),
        (
            {"learning_rate": {"sine_0": 1.0}},
            "the layers linear, sine_",
        ),
        ({"learning_rate": 1.0, "optimizer": optax.sgd(1.0)}, "`learning_rate`"),
        ({"batch_size": 0}, "`batch_size`"),
        ({"weights": np.zeros((16, 16), np.float32)}, "`weights`"),
        ({"weights": -np.ones((16, 16), np.float32)}, "`weights`"),
        ({"weights": np.ones((4, 4), np.float32)}, "`weights`"),
    ],
)
def test_bad_options_are_refused(options, message):
    with refuses(message):
        fit(**options)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (jnp.zeros((3, 2)), TypeError),
        ((), TypeError),
        ((jnp.zeros((3, 2)),), TypeError),
        ((jnp.zeros((3, 2)), inr.Term(double_residual, drawn)), TypeError),
        ((jnp.zeros((3, 2)), jnp.zeros((4, 1))), ValueError),
        ((jnp.zeros((0, 2)), jnp.zeros((0, 1))), ValueError),
        ((jnp.zeros((3, 2)), jnp.full((3, 1), jnp.nan)), ValueError),
    ],
)
def test_bad_data_are_refused(key, data, error):
    with refuses("`", error):
        inr.fit(key, SMALL, data, progress=False)
