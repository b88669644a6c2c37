"""Large finite costs that no plan feels change nothing, and those that it must pay are paid."""

import numpy as np
import pytest

from otdiv import Status, solvers, transport_matrix

N = 12
BASE = np.random.default_rng(0).random((N, N))
LARGEST = float(np.finfo(np.float64).max)


def pattern(name):
    rng = np.random.default_rng(1)
    large = np.zeros((N, N), dtype=bool)
    if name == "one":
        large[3, 5] = True
    elif name == "blocks":
        large[:6, 6:] = large[6:, :6] = True
    elif name == "all but a permutation":
        large = ~np.eye(N, dtype=bool)[rng.permutation(N)]
    else:
        large = rng.random((N, N)) < 0.3
    return large


def solved(C, epsilon, tolerance=1e-6, **options):
    solver = solvers.Sinkhorn(epsilon=epsilon, marginal_tolerance=tolerance)
    return transport_matrix(C, solver=solver, throw=False, **options)


@pytest.mark.parametrize("name", ["one", "blocks", "all but a permutation", "some"])
@pytest.mark.parametrize("large", [1e3, 1e6, 1e9, 1e15, 1e100, LARGEST])
@pytest.mark.parametrize("epsilon", [1e-3, 0.1, 10.0])
def test_a_large_cost_that_is_never_used_gives_the_plan_of_a_forbidden_pair(name, large, epsilon):
    if large < 800.0 * epsilon:
        pytest.skip("such a cost is felt")
    C = np.where(pattern(name), large, BASE)
    result = solved(C, epsilon)
    forbidden = solved(np.where(pattern(name), np.inf, BASE), epsilon, 1e-12)
    assert result.status is Status.OPTIMAL
    # Plans and costs of order 1 whose marginals agree to 1e-6.
    assert np.abs(result.plan.toarray() - forbidden.plan.toarray()).sum() < 1e-5
    assert result.value == pytest.approx(forbidden.value, abs=1e-5)
    bounds = result.entropic.bounds
    assert bounds.gap <= 1e-5 * (1.0 + epsilon)
    assert bounds.lower <= forbidden.entropic.bounds.upper
    assert forbidden.entropic.bounds.lower <= bounds.upper
    # The plan was repaired on small pairs: no rounding is paid for at the large cost.
    assert result.bounds.upper - result.value < 1e-9


@pytest.mark.parametrize("large", [1e3, 1e9, 1e30, 1e300])
@pytest.mark.parametrize("epsilon", [1e-3, 0.1, 10.0])
@pytest.mark.parametrize("side", ["row", "column"])
def test_a_row_of_large_costs_only_is_used(large, epsilon, side):
    C, shifted = BASE.copy(), BASE.copy()
    C[2], shifted[2] = large, 0.0
    if side == "column":
        C, shifted = C.T, shifted.T
    result, expected = solved(C, epsilon), solved(shifted, epsilon, 1e-12)
    assert result.status is Status.OPTIMAL
    assert np.abs(result.plan.toarray() - expected.plan.toarray()).sum() < 1e-5
    # The row pays `large` for its mass; both numbers are rounded.
    value = expected.entropic.value + large / N
    assert result.entropic.value == pytest.approx(value, rel=1e-6)
    bounds = result.entropic.bounds
    assert bounds.lower <= value * (1.0 + 1e-6)
    assert value * (1.0 - 1e-6) <= bounds.upper


@pytest.mark.parametrize(("large", "epsilon"), [(1e3, 1e-2), (1e7, 1e-3), (1e12, 0.1)])
def test_mass_that_must_take_large_costs_does_so(large, epsilon):
    C, shifted = BASE.copy(), BASE.copy()
    C[:6, 6:] = C[6:, :6] = large
    # The first block has too much: that goes over at the large cost, and nothing comes back.
    shifted[:6, 6:], shifted[6:, :6] = 0.0, np.inf
    weights = np.where(np.arange(N) < 6, 2.0, 1.0)
    result = solved(C, epsilon, x_weights=weights)
    expected = solved(shifted, epsilon, 1e-12, x_weights=weights)
    assert result.status is Status.OPTIMAL
    assert np.abs(result.plan.toarray() - expected.plan.toarray()).sum() < 1e-5
    assert result.value in result.bounds


def test_what_float64_does_not_resolve_beside_a_cost_that_must_be_paid_is_said():
    C = np.full((4, 4), 1e100)
    C[:2, :2] = C[2:, 2:] = BASE[:2, :2]
    result = solved(C, 1e-3, x_weights=[0.4, 0.4, 0.1, 0.1])
    assert result.status is Status.STALLED
    assert "the least that float64 resolves" in result.message
    assert result.bounds.lower <= 0.3e100 * (1.0 + 1e-12)
    assert result.bounds.upper >= 0.3e100 * (1.0 - 1e-12)


def test_entropic_bounds_beside_a_large_cost_contain_the_value_of_many_digits():
    import mpmath

    mpmath.mp.dps = 60
    C, epsilon, n = np.where(pattern("one"), 1e9, BASE)[:5, :6], 0.05, 5
    K = mpmath.matrix(5, 6)
    for i in range(5):
        for j in range(6):
            K[i, j] = mpmath.exp(-mpmath.mpf(float(C[i, j])) / mpmath.mpf(epsilon))
    u, v = [mpmath.mpf(1)] * 5, [mpmath.mpf(1)] * 6
    for _ in range(300):
        u = [mpmath.mpf(1) / n / sum(K[i, j] * v[j] for j in range(6)) for i in range(5)]
        v = [mpmath.mpf(1) / 6 / sum(K[i, j] * u[i] for i in range(5)) for j in range(6)]
    value = mpmath.mpf(0)
    for i in range(5):
        for j in range(6):
            mass = u[i] * K[i, j] * v[j]
            if mass > 0:
                value += mass * (mpmath.mpf(float(C[i, j])) + epsilon * mpmath.log(30 * mass))
    bounds = solved(C, epsilon, 1e-10).entropic.bounds
    # Weights of 1/5 and 1/6 are rounded.
    assert bounds.lower - 1e-14 <= value <= bounds.upper + 1e-14
    assert bounds.gap < 1e-9


@pytest.mark.parametrize("cost", [5e-324, 1e-310, 1e-300, 0.0, 1.0, 1e300])
@pytest.mark.parametrize("share", [1e-12, 1.0])
def test_equal_costs_have_no_floor_of_epsilon(cost, share):
    epsilon = max(cost * share, 5e-324) if cost else share
    result = solved(np.full((3, 3), cost), epsilon)
    assert result.status is Status.OPTIMAL
    np.testing.assert_allclose(result.plan.toarray(), 1.0 / 9.0, rtol=1e-12)
    # Nine products near the least float are rounded to it.
    assert result.value == pytest.approx(cost, rel=1e-12, abs=1e-322)


@pytest.mark.parametrize("scale", [5e-324, 1e-320, 1e-310, 1e-300])
def test_subnormal_costs_give_the_plan_of_their_ratios(scale):
    ratios = np.random.default_rng(2).integers(0, 9, (5, 5)).astype(np.float64)
    result, expected = solved(ratios * scale, 2.0 * scale), solved(ratios, 2.0)
    assert result.status is Status.OPTIMAL
    # Multiples of 1e-310 are rounded to 1e-13 of it, those of 5e-324 not at all.
    np.testing.assert_allclose(
        result.plan.toarray(), expected.plan.toarray(), atol=1e-6 if scale > 1e-322 else 1e-9
    )


def test_costs_that_are_nothing_beside_epsilon_are_not_felt():
    """The shifted costs are subnormal there, and epsilon in their unit would be infinite."""
    result = transport_matrix(
        [[7e200], [1e-183]], solver=solvers.Sinkhorn(epsilon=1.0554700485989318e175)
    )
    assert result.value == 3.5e200
