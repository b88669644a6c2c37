"""Laws of the proofs: no critic, trained or not, proves more than the exact value."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from otdiv import DiscreteMeasure
from otdiv.critics import (
    Architecture,
    Critic,
    CTransform,
    EntropicCTransform,
    FullSort,
    LeakyReLU,
    MaxMin,
    ReLU,
    Softplus,
    Tanh,
    certify_critic,
    lipschitz_bound,
    spectral_norm_bound,
)

ACTIVATIONS = [ReLU(), LeakyReLU(0.2), Tanh(), Softplus(), MaxMin(), FullSort()]


def exact_w1(x, y):
    """W1 of two uniform samples of one size, by assignment."""
    costs = cdist(x, y)
    return costs[linear_sum_assignment(costs)].mean()


@st.composite
def clouds(draw, max_points=10, max_columns=4):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, d = draw(st.integers(1, max_points)), draw(st.integers(1, max_columns))
    scale = draw(st.sampled_from([1e-3, 1.0, 1e4]))
    x, y = scale * rng.standard_normal((n, d)), scale * rng.standard_normal((n, d))
    if draw(st.booleans()):
        # Ties, repeated points and shared atoms.
        x, y = scale * np.round(2.0 * x / scale), scale * np.round(2.0 * y / scale)
    return rng, scale, x, y


@st.composite
def critics(draw):
    rng, scale, x, y = draw(clouds())
    hidden = draw(st.lists(st.sampled_from([2, 8, 16]), max_size=3))
    network = Architecture(hidden, draw(st.sampled_from(ACTIVATIONS)), "float64").build(
        n_inputs=x.shape[1], rng=rng
    )
    network.parameters += draw(st.sampled_from([0.0, 0.3, 3.0])) * rng.standard_normal(
        network.parameters.size
    )
    centre = draw(st.sampled_from([0.0, 1.0])) * x.mean(axis=0)
    return Critic(network, centre, scale), x, y


@given(critics())
@settings(max_examples=60)
def test_raw_difference_of_any_network_is_at_most_its_constant_times_w1(case):
    critic, x, y = case
    exact = exact_w1(x, y)
    raw = critic(x).mean() - critic(y).mean()
    rounding = critic.value_errors(x).mean() + critic.value_errors(y).mean()
    size = np.abs(critic(x)).mean() + np.abs(critic(y)).mean()
    slack = rounding + 1e-14 * size + 1e-13 * critic.lipschitz_bound() * exact
    assert raw <= critic.lipschitz_bound() * exact + slack


@given(critics())
@settings(max_examples=60)
def test_certified_bounds_of_any_network_enclose_w1(case):
    critic, x, y = case
    exact = exact_w1(x, y)
    _, _, bounds = certify_critic(
        critic, DiscreteMeasure.from_samples(x), DiscreteMeasure.from_samples(y)
    )
    # The oracle's own mean of n square roots rounds too.
    assert bounds.lower <= exact * (1.0 + 1e-14)
    assert bounds.upper >= exact * (1.0 - 1e-14)


@given(critics())
@settings(max_examples=60)
def test_difference_quotients_and_gradients_stay_below_the_proven_constant(case):
    critic, x, y = case
    lengths = np.linalg.norm(x - y, axis=1)
    errors = critic.value_errors(x) + critic.value_errors(y)
    bound = critic.lipschitz_bound()
    assert (np.abs(critic(x) - critic(y)) <= bound * lengths * (1.0 + 1e-12) + errors).all()
    slopes = np.linalg.norm(critic.gradient(np.concatenate([x, y])), axis=1)
    assert (slopes <= bound * (1.0 + 1e-9)).all()


@given(clouds(), st.sampled_from([True, False]))
@settings(max_examples=60)
def test_semi_dual_of_any_values_is_at_most_w1_of_the_batch(case, safeguard):
    rng, scale, x, y = case
    values = scale * rng.standard_normal(2 * len(x))
    objective = CTransform(safeguard).objective(x, y, values, np.empty_like(values))
    exact = exact_w1(x, y)
    assert objective <= exact + 1e-13 * (exact + np.abs(values).max())


@given(clouds(), st.sampled_from([0.03, 1.0]))
@settings(max_examples=40)
def test_entropic_semi_dual_is_at_most_w1_plus_epsilon_log_n(case, share):
    rng, scale, x, y = case
    values = scale * rng.standard_normal(2 * len(x))
    constraint = EntropicCTransform(share * scale, safeguard=False)
    objective = constraint.objective(x, y, values, np.empty_like(values))
    exact = exact_w1(x, y)
    assert objective <= exact + share * scale * np.log(len(x)) + 1e-12 * (exact + scale)


@given(clouds(), st.booleans(), st.booleans(), st.sampled_from([1e-3, 1.0, -1.0]))
@settings(max_examples=80)
def test_semi_dual_coefficients_are_a_negative_supergradient(case, soft, safeguard, step):
    rng, scale, x, y = case
    constraint = EntropicCTransform(scale, safeguard) if soft else CTransform(safeguard)
    values = scale * rng.standard_normal(2 * len(x))
    coefficients, scratch = np.empty_like(values), np.empty_like(values)
    start = constraint.objective(x, y, values, coefficients)
    move = step * scale * rng.standard_normal(len(values))
    # A minimum of concave functions lies below each of its tangents, in every direction.
    ahead = constraint.objective(x, y, values + move, scratch)
    assert ahead <= start - coefficients @ move + 1e-12 * (scale + abs(start))


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 12))
@settings(max_examples=60)
def test_spectral_norm_bound_is_above_and_within_a_billionth(seed, rows, columns):
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((rows, columns)) * 10.0 ** rng.integers(-150, 150)
    if rng.random() < 0.3:
        matrix = np.outer(matrix[:, 0], matrix[0]) / max(abs(matrix[0, 0]), 1e-300)
    bound = spectral_norm_bound(matrix)
    # The largest entry of float64's own SVD, which errs by some u, stands below the bound.
    computed = np.linalg.svd(matrix, compute_uv=False)[0]
    assert computed * (1.0 - 1e-14) <= bound <= computed * (1.0 + 1e-9)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_clipped_networks_obey_the_product_of_clip_bounds(seed):
    rng = np.random.default_rng(seed)
    network = Architecture((16, 8), ReLU(), "float64").build(n_inputs=3, rng=rng)
    c = 0.05
    np.clip(network.parameters, -c, c, out=network.parameters)
    product = np.prod([c * np.sqrt(weight.size) for weight in network.weights])
    assert lipschitz_bound(network) <= product * (1.0 + 1e-9)
