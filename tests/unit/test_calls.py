"""A call that does not fit says how the function is called; what fits goes through unchanged."""

import inspect

import numpy as np
import pytest

import otdiv
from otdiv import DiscreteMeasure, InvalidInputError, UnsupportedProblemError

x, y = [0.0, 1.0, 3.0], [1.0, 2.0]
a, b = [1.0, 2.0, 1.0], [1.0, 3.0]
C = np.abs(np.subtract.outer(x, y))
p, q = [0.5, 0.5], [0.25, 0.75]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        # SciPy's order.
        (lambda: otdiv.wasserstein1(x, y, a, b), r"\(x, y, x_weights=…, y_weights=…\)"),
        (lambda: otdiv.wasserstein1(x, y, a, b), "SciPy's wasserstein_distance"),
        (lambda: otdiv.energy_distance(x, y, a, b), r"\(x, y, x_weights=…, y_weights=…\)"),
        (lambda: otdiv.wasserstein1(u_values=x, v_values=y), r"wasserstein1\(x, y"),
        (lambda: otdiv.kl_divergence(p, q, 2), r"kl_divergence\(p, q, base=…\)"),
        (lambda: otdiv.js_distance(p, q, 2.0), r"js_distance\(p, q, base=base\)"),
        # POT's.
        (lambda: otdiv.transport_matrix(a, b, C), r"transport_matrix\(M, x_weights=a, y_weights=b"),
        (lambda: otdiv.transport_matrix(C, a=a, b=b), r"transport_matrix\(M, x_weights=a"),
        (lambda: otdiv.sliced_wasserstein(x, y, a, b, 50), "n_projections=n"),
        (lambda: otdiv.transport(x, y, C), "transport_matrix"),
        # Options and data of other calls.
        (lambda: otdiv.transport(x, y, "sqeuclidean"), "by name: x_weights, y_weights, cost"),
        (lambda: otdiv.wasserstein1(x, y, weights=a), "did you mean `y_weights=` or `x_weights=`"),
        (lambda: otdiv.wasserstein(x, y, 2), r"wasserstein\(x, y, p=…\)"),
        (lambda: otdiv.wasserstein(x, y), r"wasserstein\(x, y, p=…\)"),
        (lambda: otdiv.wasserstein1(x), "missing 1 required positional argument: 'y'"),
        (lambda: otdiv.sinkhorn_divergence(x, y, 1.0), "epsilon=…"),
        (lambda: otdiv.renyi_divergence(p, q, 0.5), "alpha=…"),
        (lambda: otdiv.f_divergence(p, q), "missing 1 required positional argument: 'f'"),
        (lambda: otdiv.preflight(x, y), r"DiscreteMeasure\.from_samples\(x\)"),
        (lambda: otdiv.select_solver(x, y), r"DiscreteMeasure\.from_samples\(x\)"),
        (lambda: otdiv.solve(x, y), r"DiscreteMeasure\.from_samples\(x\)"),
        (lambda: otdiv.unbalanced_transport(x, y), "UnbalancedProblem"),
        # Nouns.
        (lambda: DiscreteMeasure(x, a), r"DiscreteMeasure\(points, weights=…\)"),
        (lambda: DiscreteMeasure(), r"DiscreteMeasure\(points, weights=…\)"),
        (lambda: otdiv.Gaussian(0.0, 1.0), r"Gaussian\(mean, covariance=…\)"),
        (lambda: otdiv.PNormCost(2.0, 2.0), r"PNormCost\(norm, power=…\)"),
        (lambda: otdiv.TransportProblem(x, y), r"TransportProblem\(source, target=…, cost=…\)"),
        (lambda: otdiv.Gaussian(mean=0.0, cov=1.0), "did you mean `covariance=`"),
    ],
)
def test_arguments_that_do_not_fit_name_those_that_do(call, words):
    with pytest.raises(UnsupportedProblemError, match=words) as caught:
        call()
    assert isinstance(caught.value, TypeError)
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_type_errors_within_a_call_pass_as_they_are():
    def f(t):
        raise TypeError("f() takes 1 positional argument but 2 were given")

    with pytest.raises(Exception, match="takes 1 positional") as caught:
        otdiv.f_divergence(p, q, f)
    assert "call f_divergence" not in str(caught.value)


def test_signatures_are_those_of_the_functions():
    assert list(inspect.signature(otdiv.wasserstein1).parameters)[:4] == [
        *("x", "y", "x_weights", "y_weights")
    ]
    assert otdiv.wasserstein1.__module__ == "otdiv.distances.wasserstein_distance"
    assert list(inspect.signature(DiscreteMeasure).parameters) == ["points", "weights"]


def test_the_first_field_goes_without_a_name():
    assert DiscreteMeasure(x, weights=a).weights.tolist() == a
    assert otdiv.Gaussian(0.0, covariance=4.0).standard_deviation == 2.0
    assert otdiv.PNormCost(1.0) == otdiv.PNormCost(norm=1.0)
    source, target = DiscreteMeasure(x), DiscreteMeasure(y)
    problem = otdiv.TransportProblem(source, target=target, cost="euclidean")
    assert otdiv.solve(problem).value == otdiv.transport(x, y).value


SAMPLES = np.random.default_rng(0).normal(size=9)
DIVERGENCES = [
    otdiv.kl_divergence,
    otdiv.kl_divergence_result,
    otdiv.jeffreys_divergence,
    otdiv.js_divergence,
    otdiv.js_distance,
    otdiv.js_divergence_unhalved,
    otdiv.total_variation,
    otdiv.hellinger_distance,
    otdiv.chi2_divergence,
    otdiv.population_stability_index,
    lambda p, q: otdiv.renyi_divergence(p, q, alpha=0.5),
    lambda p, q: otdiv.f_divergence(p, q, lambda t: (t - 1.0) ** 2),
]


@pytest.mark.parametrize("divergence", DIVERGENCES)
@pytest.mark.parametrize(
    ("first", "second"),
    [
        (SAMPLES, SAMPLES[:5]),
        (SAMPLES, SAMPLES + 1.0),
        (SAMPLES.reshape(3, 3), SAMPLES[:6].reshape(2, 3)),
    ],
)
def test_samples_given_to_a_divergence_are_shown_the_way(divergence, first, second):
    words = r"wasserstein1, energy_distance or maximum_mean_discrepancy.*from_samples"
    with pytest.raises(InvalidInputError, match=words):
        divergence(first, second)


@pytest.mark.parametrize("divergence", DIVERGENCES[:-1])  # f_divergence divides by the sums
def test_positive_samples_are_shown_the_way_too(divergence):
    with pytest.raises(InvalidInputError, match=r"sum to 1.*wasserstein1.*from_samples"):
        divergence(abs(SAMPLES), abs(SAMPLES) + 1.0)


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        ("manhattan", "'cityblock' here"),
        ("L2", "'euclidean' here"),
        ("euclidian", "did you mean 'euclidean'"),
        ("minkowski", r"PNormCost\(norm=p\)"),
        ("braycurtis", r"transport_matrix\(scipy\.spatial\.distance\.cdist\(x, y, metric\)\)"),
        ("correlation", r"transport_matrix\(.*cdist"),
        (lambda u, v: 0.0, r"transport_matrix\(.*cdist"),
        (C, r"transport_matrix\(.*cdist|transport_matrix\(C"),
    ],
)
def test_unknown_metrics_say_what_they_are_called_or_that_any_cost_is_a_matrix(metric, words):
    for call in (
        lambda: otdiv.wasserstein1(x, y, metric=metric),
        lambda: otdiv.wasserstein1_result(x, y, metric=metric),
        lambda: otdiv.wasserstein2([[0.0, 0.0]], [[1.0, 1.0]], metric=metric),
        lambda: otdiv.energy_distance(x, y, metric=metric),
        lambda: otdiv.transport(x, y, cost=metric),
        lambda: otdiv.sinkhorn_divergence(x, y, epsilon=1.0, cost=metric),
    ):
        with pytest.raises(InvalidInputError, match=words):
            call()


@pytest.mark.parametrize("metric", ["sqeuclidean", otdiv.SquaredEuclidean()])
def test_a_squared_distance_is_no_metric_and_the_error_says_what_to_call(metric):
    with pytest.raises(InvalidInputError, match=r"wasserstein\(x, y, p=p\)"):
        otdiv.wasserstein1(x, y, metric=metric)


@pytest.mark.parametrize("cost", [C, C.tolist(), otdiv.CostMatrix(C)])
def test_a_matrix_in_the_place_of_a_cost_of_points_goes_to_transport_matrix(cost):
    for call in (otdiv.transport, lambda *s, **o: otdiv.sinkhorn_divergence(*s, epsilon=1.0, **o)):
        with pytest.raises(InvalidInputError, match=r"transport_matrix\(C, x_weights=…"):
            call(x, y, cost=cost)


@pytest.mark.parametrize("call", [otdiv.solve, otdiv.preflight, otdiv.select_solver])
def test_what_is_no_problem_is_told_how_to_become_one(call):
    for value, words in (
        (x, r"DiscreteMeasure\.from_samples"),
        (C, r"TransportProblem\.from_matrix\(C\)"),
        (otdiv.transport(x, y), r"`result\.problem`"),
        (None, r"TransportProblem\.from_matrix\(C\)"),
    ):
        with pytest.raises(
            InvalidInputError, match=f"`problem` must be a TransportProblem.*{words}"
        ):
            call(value)


NO_NUMBERS = ["1.0", b"1.0", [1.0], np.ones(1), 1j, np.complex64(2.0), np.timedelta64(5, "s"), {}]


@pytest.mark.parametrize("value", NO_NUMBERS)
def test_options_that_are_no_numbers_are_named(value):
    for name, call in {
        "rtol": lambda: otdiv.wasserstein1(x, y, rtol=value),
        "p": lambda: otdiv.wasserstein(x, y, p=value),
        "base": lambda: otdiv.js_divergence(p, q, base=value),
        "alpha": lambda: otdiv.renyi_divergence(p, q, alpha=value),
        "pseudocount": lambda: otdiv.population_stability_index(p, q, pseudocount=value),
        "bandwidth": lambda: otdiv.maximum_mean_discrepancy(x, y, bandwidth=value),
        "epsilon": lambda: otdiv.sinkhorn_divergence(x, y, epsilon=value),
        "norm": lambda: otdiv.PNormCost(value),
    }.items():
        with pytest.raises(InvalidInputError, match=f"`{name}` must be"):
            call()
