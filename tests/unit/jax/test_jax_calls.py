"""The calls of otdiv.jax: values of otdiv, derivatives that JAX's own checks accept."""

import numpy as np
import pytest

jax = pytest.importorskip("jax")

import jax.numpy as jnp  # noqa: E402  (after the check for JAX)
from jax.test_util import check_grads  # noqa: E402

import otdiv  # noqa: E402
import otdiv.jax as differentiable  # noqa: E402
from otdiv import ConvergenceError, InvalidInputError, PNormCost, UnsupportedProblemError  # noqa: E402

pytestmark = pytest.mark.interop

CUBIC = PNormCost(3.0, power=2.5)
AXES = np.random.default_rng(0).normal(size=(5, 2))


@pytest.fixture
def double():
    """Double precision, which JAX has to be asked for."""
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)


def clouds(seed=0, n=6, m=5, d=2, batch=()):
    """Points and weights away from ties."""
    rng = np.random.default_rng(seed)
    arrays = (
        rng.normal(size=(*batch, n, d)),
        rng.normal(size=(*batch, m, d)) + 0.5,
        rng.uniform(0.5, 2.0, (*batch, n)),
        rng.uniform(0.5, 2.0, (*batch, m)),
    )
    return [jnp.asarray(array) for array in arrays]


def weighted(function, **options):
    def call(x, y, a, b):
        return function(x, y, x_weights=a, y_weights=b, **options)

    return call


def distances(x, y):
    return jnp.abs(x[..., :, None, :] - y[..., None, :, :]).sum(-1)


# The call of JAX arrays, and the call of otdiv of the same data, each of points and weights.
CALLS = {
    "wasserstein1": (
        weighted(differentiable.wasserstein1),
        weighted(otdiv.wasserstein1),
    ),
    "wasserstein1, cityblock": (
        weighted(differentiable.wasserstein1, metric="cityblock"),
        weighted(otdiv.wasserstein1, metric="cityblock"),
    ),
    "wasserstein2": (
        weighted(differentiable.wasserstein2),
        weighted(otdiv.wasserstein2),
    ),
    "transport_cost": (
        weighted(differentiable.transport_cost, cost=CUBIC),
        lambda *data: weighted(otdiv.transport, cost=CUBIC)(*data).value,
    ),
    "sinkhorn_divergence": (
        weighted(differentiable.sinkhorn_divergence, epsilon=0.5, marginal_tolerance=1e-11),
        weighted(otdiv.sinkhorn_divergence, epsilon=0.5, marginal_tolerance=1e-11),
    ),
    "sliced_wasserstein": (
        weighted(differentiable.sliced_wasserstein, directions=AXES, p=2.0),
        None,  # of drawn directions
    ),
    "energy_distance": (
        weighted(differentiable.energy_distance),
        weighted(otdiv.energy_distance),
    ),
    "maximum_mean_discrepancy": (
        weighted(differentiable.maximum_mean_discrepancy, bandwidth=1.3, kernel="laplace"),
        weighted(otdiv.maximum_mean_discrepancy, bandwidth=1.3, kernel="laplace"),
    ),
    "transport_matrix_cost": (
        lambda x, y, a, b: differentiable.transport_matrix_cost(
            distances(x, y), x_weights=a, y_weights=b
        ),
        lambda x, y, a, b: otdiv.transport_matrix(distances(x, y), x_weights=a, y_weights=b).value,
    ),
}
# Calls of other data, written as functions of points and weights.
OTHERS = {
    "wasserstein1_histogram": (
        lambda x, y, a, b: differentiable.wasserstein1_histogram(a[..., :5], b, support=y[:, 0]),
        lambda x, y, a, b: otdiv.wasserstein1_histogram(a[..., :5], b, support=y[:, 0]),
    ),
    "wasserstein1_histogram, plane": (
        lambda x, y, a, b: differentiable.wasserstein1_histogram(a[..., :5], b, support=y),
        lambda x, y, a, b: otdiv.wasserstein1_histogram(a[..., :5], b, support=y),
    ),
}
ALL = CALLS | OTHERS

# Central differences of check_grads: a step, and what they may err by.
DIFFERENCES = {"order": 1, "eps": 1e-5, "atol": 1e-6, "rtol": 1e-6}


@pytest.mark.parametrize("name", ALL)
def test_derivatives_pass_check_grads_forwards_and_backwards(name, double):
    check_grads(jax.jit(ALL[name][0]), clouds(), modes=("fwd", "rev"), **DIFFERENCES)


@pytest.mark.parametrize("name", CALLS)
def test_gradients_of_a_batch_pass_check_grads(name, double):
    data = clouds(1, n=4, m=4, batch=(2,))
    check_grads(lambda *data: CALLS[name][0](*data).sum(), data, modes=("rev",), **DIFFERENCES)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("m", [5, 6])
def test_weights_may_be_left_out(name, m, double):
    x, y, _, _ = clouds(2, m=m)
    call = CALLS[name][0]
    check_grads(lambda x, y: call(x, y, None, None), (x, y), modes=("rev",), **DIFFERENCES)


@pytest.mark.parametrize("name", [name for name, pair in ALL.items() if pair[1] is not None])
def test_values_are_those_of_otdiv(name, double):
    call, oracle = ALL[name]
    data = clouds(3)
    expected = float(oracle(*data))
    assert float(call(*data)) == pytest.approx(expected, rel=1e-13)
    assert float(jax.jit(call)(*data)) == pytest.approx(expected, rel=1e-13)


def test_sliced_values_are_those_of_otdiv_along_the_same_directions(double):
    from otdiv.distances.sliced import directions

    x, y, a, b = clouds(4)
    axes = jnp.asarray(directions(np.random.default_rng(5), 30, 2))
    found = differentiable.sliced_wasserstein(x, y, x_weights=a, y_weights=b, directions=axes)
    expected = otdiv.sliced_wasserstein(x, y, x_weights=a, y_weights=b, n_projections=30, rng=5)
    assert float(found) == pytest.approx(float(expected), rel=1e-12)


def test_drawn_directions_follow_the_key():
    x, y, _, _ = clouds(5)
    keys = jax.random.split(jax.random.key(7), 2)
    values = jax.vmap(lambda key: differentiable.sliced_wasserstein(x, y, key=key))(keys)
    for key, value in zip(keys, values, strict=True):
        assert differentiable.sliced_wasserstein(x, y, key=key) == value
    assert values[0] != values[1]
    assert differentiable.sliced_wasserstein(x[:, :1], y[:, :1]) == pytest.approx(
        float(otdiv.wasserstein1(x[:, :1], y[:, :1])), rel=1e-6
    )


@pytest.mark.parametrize("name", ALL)
def test_vmap_is_a_loop(name, double):
    call = ALL[name][0]
    data = clouds(6, batch=(3,))
    each = [tuple(part[k] for part in data) for k in range(3)]
    compiled = jax.jit(jax.vmap(jax.value_and_grad(call, argnums=(0, 1, 2, 3))))
    values, gradients = compiled(*data)
    for k, one in enumerate(each):
        value, parts = jax.value_and_grad(call, argnums=(0, 1, 2, 3))(*one)
        np.testing.assert_allclose(values[k], value, rtol=1e-12)
        for part, alone in zip(gradients, parts, strict=True):
            np.testing.assert_allclose(part[k], alone, rtol=1e-9, atol=1e-12)
    if name in CALLS:
        np.testing.assert_allclose(call(*data), values, rtol=1e-12)


@pytest.mark.parametrize("name", CALLS)
def test_vmap_of_vmap_of_a_batch_is_a_loop(name):
    call = CALLS[name][0]
    x, y, a, b = clouds(7, n=3, m=3, batch=(2, 3, 2))
    rows = jax.vmap(call, in_axes=(0, None, 0, None))
    found = jax.vmap(rows, in_axes=(0, 0, 1, None))(x, y[:, 0], a.swapaxes(0, 1), b[0, 0])
    assert found.shape == (2, 3, 2)
    for i, j in np.ndindex(2, 3):
        expected = call(x[i, j], y[i, 0], a[i, j], b[0, 0])
        np.testing.assert_allclose(found[i, j], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("support", [0, None])
def test_vmap_over_histograms_may_share_their_support_or_not(support, double):
    rng = np.random.default_rng(8)
    p, q = jnp.asarray(rng.random((3, 4, 5))), jnp.asarray(rng.random((3, 5)))
    places = jnp.asarray(rng.random((3, 5) if support == 0 else (5,)))

    def total(p, q, places):
        return differentiable.wasserstein1_histogram(p, q, support=places).sum()

    every = jax.value_and_grad(total, argnums=(0, 1, 2))
    values, gradients = jax.vmap(every, in_axes=(0, 0, support))(p, q, places)
    for k in range(3):
        value, parts = every(p[k], q[k], places[k] if support == 0 else places)
        np.testing.assert_allclose(values[k], value, rtol=1e-12)
        for part, alone in zip(gradients, parts, strict=True):
            np.testing.assert_allclose(part[k], alone, rtol=1e-9, atol=1e-12)


def test_vmap_goes_to_the_core_as_one_batch(monkeypatch):
    from otdiv.jax import host

    shapes = []

    def count(x, *rest, **options):
        shapes.append(x.shape)
        return true(x, *rest, **options)

    true = host.transport_gradients
    monkeypatch.setattr(host, "transport_gradients", count)
    x, y, _, _ = clouds(9, batch=(7,))
    jax.vmap(jax.grad(differentiable.wasserstein1))(x, y)
    assert shapes == [(7, 6, 2)]


def test_one_cloud_against_a_batch_gathers_the_gradients_of_all(double):
    x, y, a, _ = clouds(10)
    many = jnp.stack([y, y + 1.0, 2.0 * y])

    def total(x, a, others):
        return differentiable.wasserstein1(x, others, x_weights=a).sum()

    found = jax.grad(total, argnums=(0, 1))(x, a, many)
    parts = [jax.grad(total, argnums=(0, 1))(x, a, other) for other in many]
    for k in range(2):
        np.testing.assert_allclose(found[k], sum(part[k] for part in parts), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ALL)
def test_a_second_derivative_raises(name):
    data = clouds(11)
    call = ALL[name][0]
    # A function that is linear in its points would have no second derivative to miss.
    moved = 2 if name in OTHERS else 0

    def steepness(part):
        inner = (*data[:moved], part, *data[moved + 1 :])
        return (jax.grad(call, argnums=moved)(*inner) ** 2).sum()

    for second in (jax.grad(steepness), jax.jit(jax.grad(steepness)), jax.jacfwd(steepness)):
        with pytest.raises(UnsupportedProblemError, match="second derivatives"):
            second(data[moved])


def test_the_gradient_may_be_used_where_it_is_not_differentiated():
    x, y, _, _ = clouds(12)
    slope = jax.grad(differentiable.wasserstein1)(x, y)

    def loss(factor):
        pull = jax.grad(differentiable.wasserstein1)(x, y)
        return (factor * jax.lax.stop_gradient(pull)).sum()

    assert jax.jit(jax.grad(loss))(2.0) == pytest.approx(float(slope.sum()), rel=1e-5)


@pytest.mark.parametrize("name", ALL)
def test_single_precision_comes_back_in_single_precision(name, double):
    call = ALL[name][0]
    data = [part.astype(jnp.float32) for part in clouds(13)]
    value, gradients = jax.jit(jax.value_and_grad(call, argnums=(0, 1, 2, 3)))(*data)
    assert value.dtype == jnp.float32
    assert {part.dtype for part in gradients} == {jnp.dtype(jnp.float32)}
    wide = call(*(part.astype(jnp.float64) for part in data))
    # The value of the rounded data is exact, and rounded once.
    if name != "transport_matrix_cost":  # whose matrix is computed in single precision
        assert float(value) == float(jnp.float32(wide))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_read_exactly_and_returned(dtype):
    x, y, _, _ = (part.astype(dtype) for part in clouds(14))
    value, slope = jax.jit(jax.value_and_grad(differentiable.wasserstein1))(x, y)
    assert value.dtype == slope.dtype == dtype
    expected = otdiv.wasserstein1(*(np.asarray(part, dtype=np.float64) for part in (x, y)))
    assert value == jnp.asarray(expected, dtype)


def test_gradients_have_the_dtype_of_their_array_and_values_the_widest(double):
    x, y, a, _ = clouds(15)
    x, a = x.astype(jnp.float32), a.astype(jnp.float16)

    def loss(x, y, a):
        return differentiable.transport_cost(x, y, x_weights=a)

    value, gradients = jax.value_and_grad(loss, argnums=(0, 1, 2))(x, y, a)
    assert value.dtype == jnp.float64
    assert [part.dtype for part in gradients] == ["float32", "float64", "float16"]


def test_directions_do_not_widen_the_value(double):
    x, y, _, _ = (part.astype(jnp.float32) for part in clouds(16))
    assert differentiable.sliced_wasserstein(x, y, directions=AXES).dtype == jnp.float32


def test_integers_and_arrays_of_numpy_are_read():
    for y in (np.array([1.0, 5.0]), np.array([1, 5]), jnp.array([1, 5])):
        for call in (differentiable.wasserstein1, jax.jit(differentiable.wasserstein1)):
            found = call(jnp.array([0, 2]), y)
            assert found == 2.0
            assert found.dtype == jnp.float32
    slope = jax.grad(differentiable.wasserstein1)(jnp.array([0.0, 2.0]), jnp.array([1, 5]))
    np.testing.assert_array_equal(slope, [-0.5, -0.5])
    with pytest.raises(TypeError, match="int32"):  # JAX's own
        jax.grad(differentiable.wasserstein1)(jnp.array([0, 2]), jnp.array([1, 5]))


def test_integers_are_not_rounded_to_single_precision():
    x = jnp.array([2**30 + 1])
    for y in (jnp.array([2**30]), np.array([2**30])):
        assert jax.jit(differentiable.wasserstein1)(x, y) == 1.0
    C = jnp.array([[2**30 + 1, 0], [0, 2**30]])
    assert differentiable.transport_matrix_cost(-C) == -(2.0**30)
    assert differentiable.wasserstein1(np.array([2**40]), np.array([0])) == 2.0**40


def test_results_stay_on_the_device_of_the_points():
    device = jax.devices()[0]
    x, y, _, _ = (jax.device_put(part, device) for part in clouds(17))
    for value in (differentiable.wasserstein1(x, y), jax.grad(differentiable.wasserstein1)(x, y)):
        assert value.devices() == {device}


def test_a_cost_matrix_keeps_the_entries_of_a_plan_and_no_matrix(double):
    """What is kept: rows, columns and masses of n + m - 1 entries."""
    C = jnp.asarray(np.random.default_rng(18).random((40, 30)))
    _, pull = jax.vjp(differentiable.transport_matrix_cost, C)
    sizes = [leaf.size for leaf in jax.tree_util.tree_leaves(pull) if hasattr(leaf, "size")]
    assert sizes
    assert max(sizes) <= 2 * (40 + 30 - 1)
    np.testing.assert_allclose(pull(1.0)[0], otdiv.transport_matrix(np.asarray(C)).plan.toarray())


def test_a_forbidden_pair_has_no_share_of_the_gradient():
    C = jnp.array([[jnp.inf, 1.0], [1.0, 2.0]])
    value, plan = jax.value_and_grad(differentiable.transport_matrix_cost)(C)
    assert value == 1.0
    np.testing.assert_array_equal(plan, [[0.0, 0.5], [0.5, 0.0]])


def test_equal_clouds_have_gradient_zero():
    _, y, _, _ = clouds(19)
    for call in (
        differentiable.wasserstein1,
        differentiable.wasserstein2,
        differentiable.energy_distance,
    ):
        value, slope = jax.value_and_grad(call)(y, y[::-1])
        assert value == 0.0
        assert not slope.any()


REFUSED = {
    "a list": (lambda x, y, a: (x, [[0.0, 1.0]], a), "`y` must be an array of JAX or NumPy"),
    "complex": (lambda x, y, a: (x + 1j, y, a), "`x` must hold real numbers; got dtype complex64"),
    "columns": (lambda x, y, a: (x, y[:, :1], a), "`y` must have 2 columns like `x`; got 1"),
    "axes": (lambda x, y, a: (x[None, None], y, a), "`x` must have shape"),
    "batches": (
        lambda x, y, a: (jnp.stack([x] * 2), jnp.stack([y] * 3), a),
        "`y` must hold 2 clouds",
    ),
    "weights": (lambda x, y, a: (x, y, a[:3]), "`x_weights` must have shape"),
    "negative": (lambda x, y, a: (x, y, -a), "`x_weights` must be non-negative"),
    "NaN": (lambda x, y, a: (x * jnp.nan, y, a), "`x` must be finite"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_errors_name_the_argument(name):
    change, words = REFUSED[name]
    x, y, a, _ = clouds(20)
    x, y, a = change(x, y, a)
    with pytest.raises(InvalidInputError, match=words):
        differentiable.wasserstein1(x, y, x_weights=a)


def test_errors_of_data_come_through_a_compiled_call():
    x, y, a, _ = clouds(21)

    @jax.jit
    def loss(a):
        return differentiable.wasserstein1(x, y, x_weights=a)

    # JAX's own error, which differs between its versions, with ours in it.
    with pytest.raises(Exception, match="`x_weights` must be non-negative"):
        loss(-a).block_until_ready()
    assert loss(a) > 0.0


def test_options_are_checked():
    x, y, _, _ = clouds(22)
    with pytest.raises(InvalidInputError, match="`cost` must be"):
        differentiable.transport_cost(x, y, cost="euclid")
    with pytest.raises(InvalidInputError, match="`epsilon` must be positive"):
        differentiable.sinkhorn_divergence(x, y, epsilon=0.0)
    with pytest.raises(InvalidInputError, match="`p` must be at least 1"):
        differentiable.sliced_wasserstein(x, y, p=0.5)
    with pytest.raises(InvalidInputError, match=r"`directions` must have shape \(k, 2\)"):
        differentiable.sliced_wasserstein(x, y, directions=jnp.ones((4, 3)))
    with pytest.raises(InvalidInputError, match=r"`key` must be a key of `jax\.random`"):
        differentiable.sliced_wasserstein(x, y)
    with pytest.raises(InvalidInputError, match="`kernel` must be one of"):
        differentiable.maximum_mean_discrepancy(x, y, bandwidth=1.0, kernel="cauchy")
    with pytest.raises(InvalidInputError, match=r"`q` must have shape \(\.\.\., 2\)"):
        differentiable.wasserstein1_histogram(jnp.ones(2), jnp.ones(3), support=jnp.arange(2.0))
    with pytest.raises(InvalidInputError, match=r"`C` must have shape"):
        differentiable.transport_matrix_cost(jnp.ones(3))
    with pytest.raises(InvalidInputError, match=r"`y_weights` must have shape \(4,\)"):
        differentiable.transport_matrix_cost(jnp.ones((3, 4)), y_weights=jnp.ones(3))


def test_an_option_that_jax_traces_is_told():
    x, y, _, _ = clouds(23)
    with pytest.raises(InvalidInputError, match="`epsilon` must be a number of Python"):
        jax.jit(lambda epsilon: differentiable.sinkhorn_divergence(x, y, epsilon=epsilon))(1.0)


def test_a_plan_that_was_not_proven_gives_no_gradient():
    x, y, _, _ = clouds(24)
    with pytest.raises(ConvergenceError):
        differentiable.sinkhorn_divergence(x, y, epsilon=1e-3, max_iterations=1)


def test_infeasible_matrices_are_told():
    with pytest.raises(ConvergenceError, match="INFEASIBLE"):
        differentiable.transport_matrix_cost(jnp.full((2, 2), jnp.inf))


# Pairings have no gradient, and are told of otdiv.jax as a whole.
NUMBERS = sorted(
    name for name in differentiable.__all__ if hasattr(otdiv, name) and name != "pairing"
)


@pytest.mark.parametrize("name", NUMBERS)
def test_the_call_of_numbers_names_the_one_that_jax_can_trace(name):
    options = {
        "maximum_mean_discrepancy": {"bandwidth": 1.0},
        "sinkhorn_divergence": {"epsilon": 1.0},
        "wasserstein1_histogram": {"support": np.arange(2.0)},
    }

    def loss(x):
        return getattr(otdiv, name)(x, np.ones(2), **options.get(name, {}))

    with pytest.raises(InvalidInputError, match=rf"a tracer \(`otdiv\.jax\.{name}`"):
        jax.grad(loss)(jnp.array([0.0, 1.0]))
