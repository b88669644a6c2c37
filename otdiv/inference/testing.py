"""Permutation tests of whether samples come from one law."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, overload

from .._calling import explains_calls
from .._typing import FloatArray, RngLike
from .._validation import describe
from ..errors import InvalidInputError
from ..results import Callback
from .answering import Answer, answers_of, as_question
from .states import are_states, relabelled_states
from .testing_result import Method, TestResult, p_value

__all__ = ["k_sample_test", "permutation_null", "two_sample_test"]


def _result(name: str, answer: Answer, sizes: tuple[int, ...]) -> TestResult:
    """The p-value of one statistic, and what to know of it."""
    null = answer.null
    method: Method = "random permutations"
    if null.every:
        method = "exact enumeration"
    elif null.sequential:
        method = "Besag-Clifford"
    n, n_reached = null.n_permutations, int(null.n_reached[answer.row])
    if null.every:
        # What a stop left out was not left out by chance: it counts as having reached the value.
        p, error = p_value(n_reached + null.asked - n, null.asked, method)
    else:
        p, error = p_value(n_reached, n, method)
    notes = answer.notes
    least = 1.0 / null.asked if null.every else 1.0 / (n + 1)
    if least > 0.05 and not null.sequential:
        notes += (
            f"No p-value of {n} relabellings is below {least:.2g}"
            f"{', and there are no more' if null.every else ''}: none can be significant at 5 %.",
        )
    if n < null.asked and null.every:
        notes += (
            f"The callback ended the test after {n} of all {null.asked} relabellings; the p-value "
            "counts the others as having reached the value, and is an upper bound.",
        )
    elif n < null.asked and not null.sequential:
        notes += (
            f"The callback ended the test after {n} of {null.asked} relabellings; the p-value "
            "holds where that did not depend on what it saw.",
        )
    return TestResult(
        value=answer.value,
        measure=name,
        pvalue=p,
        monte_carlo_error=error,
        n_permutations=n,
        method=method,
        null=answer.values,
        sizes=sizes,
        notes=notes,
    )


@overload
def two_sample_test(
    x: Any,
    y: Any,
    *,
    statistic: str = ...,
    n_permutations: int = ...,
    x_weights: Any = ...,
    y_weights: Any = ...,
    blocks: Any = ...,
    strata: Any = ...,
    paired: bool = ...,
    counts: bool = ...,
    metric: Any = ...,
    p: float | None = ...,
    kernel: Literal["gaussian", "laplace"] | None = ...,
    bandwidth: float | None = ...,
    n_projections: int | None = ...,
    rng: RngLike = ...,
    n_jobs: int = ...,
    callback: Callback | None = ...,
) -> TestResult: ...
@overload
def two_sample_test(
    x: Any,
    y: Any,
    *,
    statistic: Sequence[str],
    n_permutations: int = ...,
    x_weights: Any = ...,
    y_weights: Any = ...,
    blocks: Any = ...,
    strata: Any = ...,
    paired: bool = ...,
    counts: bool = ...,
    metric: Any = ...,
    p: float | None = ...,
    kernel: Literal["gaussian", "laplace"] | None = ...,
    bandwidth: float | None = ...,
    n_projections: int | None = ...,
    rng: RngLike = ...,
    n_jobs: int = ...,
    callback: Callback | None = ...,
) -> dict[str, TestResult]: ...
@explains_calls(
    "SciPy's permutation_test((x, y), wasserstein_distance) is two_sample_test(x, y), and "
    "ks_2samp(x, y) is two_sample_test(x, y, statistic='kolmogorov_smirnov')"
)
def two_sample_test(
    x: Any,
    y: Any,
    *,
    statistic: str | Sequence[str] = "wasserstein1",
    n_permutations: int = 9999,
    x_weights: Any = None,
    y_weights: Any = None,
    blocks: Any = None,
    strata: Any = None,
    paired: bool = False,
    counts: bool = False,
    metric: Any = "euclidean",
    p: float | None = None,
    kernel: Literal["gaussian", "laplace"] | None = None,
    bandwidth: float | None = None,
    n_projections: int | None = None,
    rng: RngLike = None,
    n_jobs: int = 1,
    callback: Callback | None = None,
) -> TestResult | dict[str, TestResult]:
    """Test whether two samples come from one law, by relabelling their rows.

    Where they do, which row is in which sample says nothing, so the statistic of the samples is
    one draw from the statistics of all relabellings. With b of B random ones at least as large,

        p = (1 + b) / (1 + B)

    is at most α with probability at most α, for any law, size and number of ties. Where there are
    no more than `n_permutations` relabellings all of them are taken, and p is exact.

    Parameters
    ----------
    x, y : array_like, shapes (n,) or (n, d) and (m,) or (m, d)
        Samples; for statistics of categories sequences of labels, or vectors of counts. Or two
        `otdiv.streaming.SampleState`, whose values are put to the middles of at most 1024 cells,
        with "wasserstein1", "energy", "cramer_von_mises" and "kolmogorov_smirnov".
    statistic : str or sequence of str, default "wasserstein1"
        Several at once share their relabellings.

        - On the line and in space: "wasserstein1", "wasserstein2", "wasserstein" (of order `p`),
          "energy", "sliced_wasserstein", "maximum_mean_discrepancy" (the root of the V-statistic).
        - On the line: "cramer_von_mises", n m / N ∫ (F - G)² dH with H the law of all N rows, and
          "kolmogorov_smirnov", max |F - G|.
        - Of categories: "jensen_shannon" (nats), "total_variation", and "g", the likelihood ratio
          statistic of a table of counts.

        W1 sees shifts and changes of scale where tails are light; with heavy tails "energy" is the
        better choice, and the result says so. W1 in the plane or in space is solved exactly; there
        "energy" is the cheapest.
    n_permutations : int, default 9999
        Random relabellings at most. An exact distance in space, of which each costs a transport,
        stops at the tenth relabelling that reaches the value and has p = 10 / B (Besag, Clifford).
    x_weights, y_weights : array_like, shapes (n,) and (m,), optional
        Positive weights of the rows, which travel with them: they must be in one unit, and are part
        of what is exchanged. A side without weighs its rows like the mean row of the other.
    blocks : pair of array_like, shapes (n,) and (m,), optional
        Labels of blocks, which are exchanged as a whole (clusters, stretches of a series): all rows
        of a block are in one sample. With `paired` one sequence (n,), a label a pair.
    strata : pair of array_like, shapes (n,) and (m,), optional
        Labels of strata: rows (or blocks) are exchanged within them alone.
    paired : bool, default False
        Row i of both samples belong together: each pair keeps or swaps its rows.
    counts : bool, default False
        For categories: `x` and `y` are counts (K,) of the same categories.
    metric : PNormCost or str, default "euclidean"
        Distance of points in space, for Wasserstein distances and "energy".
    p : float, optional
        Order of "wasserstein", at least 1.
    kernel, bandwidth : optional
        Of "maximum_mean_discrepancy", as there: "gaussian" by default, with the median distance.
    n_projections : int, optional
        Directions of "sliced_wasserstein", 100 by default, the same for all relabellings.
    rng : numpy.random.Generator or int, optional
        Source of the relabellings. The result of a seed is the same for any `n_jobs`.
    n_jobs : int, default 1
        Threads.
    callback : callable, optional
        Called with a `Progress`: relabellings done, and between which ends the p-value lies;
        returning True stops, and the result is that of the relabellings done.

    Returns
    -------
    TestResult, or dict of str to TestResult where `statistic` is a sequence
        The statistic beside the mean and quantiles of its null, and the p-value with its error.

    Raises
    ------
    InvalidInputError
        For samples, weights, labels or options that break their requirement.
    UnsupportedProblemError
        For laws and discrete measures, which have no rows, and for statistics that points in space
        do not have.

    See Also
    --------
    k_sample_test : for more than two samples
    permutation_null : the null alone

    Notes
    -----
    Equal statistics count as reached, to 1e-12 of the value. On the line 64 relabellings are one
    walk along the sorted rows; energy distance and maximum mean discrepancy in space are one matrix
    product for hundreds of them.

    References
    ----------
    Phipson, Smyth (2010), *Permutation p-values should never be zero*, doi:10.2202/1544-6115.1585.
    Besag, Clifford (1991), *Sequential Monte Carlo p-values*, doi:10.1093/biomet/78.2.301.
    Anderson (1962), *On the distribution of the two-sample Cramér-von Mises criterion*,
    doi:10.1214/aoms/1177704477. Székely, Rizzo (2013), *Energy statistics*,
    doi:10.1016/j.jspi.2013.03.018.

    Examples
    --------
    >>> from otdiv import two_sample_test
    >>> result = two_sample_test([1.0, 2.0, 3.0, 4.0], [4.5, 5.0, 6.0, 7.0])
    >>> result.statistic, result.pvalue, result.method  # 2 of 70 relabellings
    (3.125, 0.02857142857142857, 'exact enumeration')
    >>> two_sample_test(list("aabba"), list("bbbab"), statistic="g", rng=0).pvalue > 0.2
    True
    """
    question = as_question(
        statistic,
        n_permutations,
        rng,
        n_jobs,
        callback,
        metric,
        p,
        kernel,
        bandwidth,
        n_projections,
    )
    if are_states(x, y):
        others = {"x_weights": x_weights, "y_weights": y_weights, "blocks": blocks}
        others |= {"strata": strata, "paired": paired or None, "counts": counts or None}
        for name, option in others.items():
            if option is not None:
                raise InvalidInputError(name, "be left out for states", describe(option))
        found = relabelled_states(
            x,
            y,
            names=question.names,
            n_permutations=question.n_permutations,
            rng=question.rng,
            monitor=question.monitor,
        )
        return found[statistic] if isinstance(statistic, str) else found
    answers, sizes = answers_of(
        question,
        {"x": x, "y": y},
        (x_weights, y_weights),
        blocks=blocks,
        strata=strata,
        paired=paired,
        counts=counts,
    )
    results = {name: _result(name, answer, sizes) for name, answer in answers.items()}
    return results[statistic] if isinstance(statistic, str) else results


@overload
def k_sample_test(
    samples: Any,
    *,
    statistic: str = ...,
    n_permutations: int = ...,
    weights: Any = ...,
    blocks: Any = ...,
    strata: Any = ...,
    counts: bool = ...,
    metric: Any = ...,
    kernel: Literal["gaussian", "laplace"] | None = ...,
    bandwidth: float | None = ...,
    n_projections: int | None = ...,
    rng: RngLike = ...,
    n_jobs: int = ...,
    callback: Callback | None = ...,
) -> TestResult: ...
@overload
def k_sample_test(
    samples: Any,
    *,
    statistic: Sequence[str],
    n_permutations: int = ...,
    weights: Any = ...,
    blocks: Any = ...,
    strata: Any = ...,
    counts: bool = ...,
    metric: Any = ...,
    kernel: Literal["gaussian", "laplace"] | None = ...,
    bandwidth: float | None = ...,
    n_projections: int | None = ...,
    rng: RngLike = ...,
    n_jobs: int = ...,
    callback: Callback | None = ...,
) -> dict[str, TestResult]: ...
@explains_calls()
def k_sample_test(
    samples: Any,
    *,
    statistic: str | Sequence[str] = "wasserstein1",
    n_permutations: int = 9999,
    weights: Any = None,
    blocks: Any = None,
    strata: Any = None,
    counts: bool = False,
    metric: Any = "euclidean",
    kernel: Literal["gaussian", "laplace"] | None = None,
    bandwidth: float | None = None,
    n_projections: int | None = None,
    rng: RngLike = None,
    n_jobs: int = 1,
    callback: Callback | None = None,
) -> TestResult | dict[str, TestResult]:
    """Test whether several samples come from one law, by relabelling their rows.

    Each sample g, with a share π_g of the mass and law P_g, is held against the pool H of all:

    - "wasserstein1" and "sliced_wasserstein" sum π_g W1(P_g, H);
    - "energy" and "maximum_mean_discrepancy" the root of sum π_g D(P_g, H)²;
    - "cramer_von_mises" sum n_g ∫ (F_g - H)² dH (Kiefer's);
    - "kolmogorov_smirnov" max over g of sqrt(π_g) max |F_g - H|;
    - "jensen_shannon" the divergence of k laws, "total_variation" sum π_g TV(P_g, H), "g" the
      likelihood ratio statistic.

    Two samples are those of `two_sample_test`, whose statistics compare them with each other.

    Parameters
    ----------
    samples : sequence of array_like
        Two samples or more, as in `two_sample_test`.
    statistic : str or sequence of str, default "wasserstein1"
        Those above; "wasserstein1", "cramer_von_mises" and "kolmogorov_smirnov" on the line.
    weights : sequence of array_like or None, optional
        Weights of the rows, one array or None a sample.
    blocks, strata : sequence of array_like, optional
        Labels of the rows, one array a sample.
    n_permutations, counts, metric, kernel, bandwidth, n_projections, rng, n_jobs, callback
        As in `two_sample_test`.

    Returns
    -------
    TestResult, or dict of str to TestResult where `statistic` is a sequence

    Raises
    ------
    InvalidInputError, UnsupportedProblemError
        As in `two_sample_test`.

    References
    ----------
    Kiefer (1959), *K-sample analogues of the Kolmogorov-Smirnov and Cramér-v. Mises tests*,
    doi:10.1214/aoms/1177706261. Rizzo, Székely (2010), *DISCO analysis*, doi:10.1214/09-AOAS245.

    Examples
    --------
    >>> from otdiv import k_sample_test
    >>> result = k_sample_test([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]])
    >>> result.statistic, result.n_permutations, result.method  # 3!³ of 1680 are as far apart
    (2.5185185185185..., 1680, 'exact enumeration')
    """
    if not isinstance(samples, list | tuple) or len(samples) < 2:
        found = f"{len(samples)}" if isinstance(samples, list | tuple) else describe(samples)
        raise InvalidInputError("samples", "be a list of two samples or more", found)
    if weights is None:
        weights = [None] * len(samples)
    elif not isinstance(weights, list | tuple) or len(weights) != len(samples):
        requirement = f"be a list of {len(samples)} arrays or None, one a sample"
        raise InvalidInputError("weights", requirement, describe(weights))
    question = as_question(
        statistic,
        n_permutations,
        rng,
        n_jobs,
        callback,
        metric,
        None,
        kernel,
        bandwidth,
        n_projections,
    )
    answers, sizes = answers_of(
        question,
        {f"samples[{i}]": sample for i, sample in enumerate(samples)},
        weights,
        blocks=blocks,
        strata=strata,
        paired=False,
        counts=counts,
    )
    results = {name: _result(name, answer, sizes) for name, answer in answers.items()}
    return results[statistic] if isinstance(statistic, str) else results


@explains_calls()
def permutation_null(
    x: Any,
    y: Any,
    *,
    statistic: str = "wasserstein1",
    n_permutations: int = 999,
    x_weights: Any = None,
    y_weights: Any = None,
    blocks: Any = None,
    strata: Any = None,
    paired: bool = False,
    counts: bool = False,
    metric: Any = "euclidean",
    p: float | None = None,
    kernel: Literal["gaussian", "laplace"] | None = None,
    bandwidth: float | None = None,
    n_projections: int | None = None,
    rng: RngLike = None,
    n_jobs: int = 1,
    callback: Callback | None = None,
) -> FloatArray:
    """Statistics of relabelled samples: what a distance comes to where nothing differs.

    A distance of two samples of one law is not 0, and in space far from it; its mean under the
    null is what to hold a value against.

    Parameters
    ----------
    x, y : array_like
        Samples, as in `two_sample_test`.
    statistic : str, default "wasserstein1"
        One of those of `two_sample_test`.
    n_permutations : int, default 999
        Relabellings; where there are no more, each of them once. Every one is solved to the end.
    x_weights, y_weights, blocks, strata, paired, counts, metric, p, kernel, bandwidth, \
n_projections, rng, n_jobs, callback
        As in `two_sample_test`.

    Returns
    -------
    float64 array (B,)
        In the unit of the statistic, in the order of the draw.

    Raises
    ------
    InvalidInputError, UnsupportedProblemError
        As in `two_sample_test`.

    Examples
    --------
    >>> from otdiv import permutation_null
    >>> permutation_null([0.0, 1.0], [5.0, 6.0])
    array([5., 1., 1., 1., 1., 5.])
    """
    if not isinstance(statistic, str):
        raise InvalidInputError("statistic", "be one name", describe(statistic))
    question = replace(
        as_question(
            statistic,
            n_permutations,
            rng,
            n_jobs,
            callback,
            metric,
            p,
            kernel,
            bandwidth,
            n_projections,
        ),
        to_the_end=True,
    )
    answers, _ = answers_of(
        question,
        {"x": x, "y": y},
        (x_weights, y_weights),
        blocks=blocks,
        strata=strata,
        paired=paired,
        counts=counts,
    )
    return answers[statistic].values
