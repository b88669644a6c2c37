"""Claims about the finite problem as a linear programme, after Herrmann's article."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from ... import certificates, distances, solving
from ..._typing import FloatArray
from ...plans import Potentials
from ..cases import functional, measures, numbers, seeds, tuples
from ..claim import Kind, Topic
from ..slacks import at_most, condition, equal
from .shorthand import euclidean_problem, extent
from .sources import HERRMANN

TOPIC = Topic("linear_programming", "The linear programme and its dual")


@TOPIC.claim(
    "linear-programme-duality",
    item=65,
    also=(35, 61, 63),
    title="Strong duality of the finite problem",
    statement="min <C, P> = max sum a_i f_i + sum b_j g_j subject to f_i + g_j <= C_ij",
    source=HERRMANN.at("strong duality"),
    kind=Kind.EQUALITY,
    cases=lambda: measures(2),
    correction='The proof says "alpha > 0 because z* > 0", which skips z* = 0 (equal laws).',
)
def _strong_duality(case: Any) -> float:
    p, q = case
    result = solving.solve(euclidean_problem(p, q))
    scale = extent(p, q)
    assert result.potentials is not None
    f, g = result.potentials.f, result.potentials.g
    dual = math.fsum(result.problem.a * f) + math.fsum(result.problem.b * g)
    excess = float((f[:, None] + g - result.problem.matrix()).max())
    return min(
        equal(dual, result.value, scale=scale),
        condition(at_most(excess, 0.0, scale=scale)),
        condition(at_most(result.bounds.lower, result.bounds.upper, tolerance=0.0)),
    )


@TOPIC.claim(
    "weak-duality",
    item=63,
    title="Weak duality",
    statement="every feasible dual pair is worth at most every plan",
    source=HERRMANN.at("weak duality"),
    kind=Kind.INEQUALITY,
    cases=lambda: tuples(measures(2), seeds()),
    correction="Random potentials made feasible by a c-transform against the product plan, and the "
    "certified bound of the library against its value.",
)
def _weak_duality(case: Any) -> float:
    (p, q), seed = case
    rng, problem = np.random.default_rng(seed), euclidean_problem(p, q)
    scale = extent(p, q)
    f = scale * rng.normal(size=p.n)
    g = certificates.c_transform(problem, f)
    dual = math.fsum(p.weights * f) + math.fsum(q.weights * g)
    product = math.fsum((np.outer(p.weights, q.weights) * problem.matrix()).ravel())
    proven = certificates.dual_bound(problem, Potentials(f=f, g=g))[1]
    moved = distances.wasserstein1(p, q)
    size = scale * (1.0 + float(np.abs(f).max()))
    return min(
        at_most(dual, product, scale=size),
        at_most(dual, moved, scale=size),
        at_most(proven, moved, scale=scale),
    )


_REAL = (12, 7, 4, 1, 19, 14, 9, 6, 3, 2)
_FAKE = (1, 5, 11, 17, 13, 9, 6, 4, 3, 2)
_DUAL = (1, 0, -1, -2, -1, 0, 1, 2, 1, 0)
_EXACT = Fraction(351, 497)


def _mirrored() -> Any:
    """Herrmann's histograms, both ways round and mirrored: the value is the same."""
    return tuples(numbers(0, 1, whole=True), numbers(0, 1, whole=True))


def _histograms(case: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    swap, mirror = case
    pair = (_FAKE, _REAL) if swap else (_REAL, _FAKE)
    return (pair[0][::-1], pair[1][::-1]) if mirror else pair


@TOPIC.claim(
    "herrmann-351-497",
    item=61,
    title="Herrmann's example: 351/497",
    statement="histograms (12 7 4 1 19 14 9 6 3 2)/77 and (1 5 11 17 13 9 6 4 3 2)/71 on ten bins: "
    "W1 = 351/497 = 0.706237…",
    source=HERRMANN.at("notebook"),
    kind=Kind.EQUALITY,
    cases=_mirrored,
    correction="Exactly: the sum of |F - G| in fractions.",
)
def _herrmann(case: Any) -> float:
    real, fake = _histograms(case)
    gap, exact = Fraction(0), Fraction(0)
    for a, b in zip(real, fake, strict=True):
        gap += Fraction(a, sum(real)) - Fraction(b, sum(fake))
        exact += abs(gap)
    if exact != _EXACT:
        return -1.0
    bins = np.arange(10.0)
    costs = np.abs(bins[:, None] - bins)
    by_matrix = solving.transport_matrix(costs, x_weights=real, y_weights=fake).value
    by_line = distances.wasserstein1(bins, bins, x_weights=real, y_weights=fake)
    p, q = np.array(real) / sum(real), np.array(fake) / sum(fake)
    by_histogram = distances.wasserstein1_histogram(p, q, support=bins)
    value = float(exact)
    return min(equal(v, value, tolerance=1e-13) for v in (by_matrix, by_line, by_histogram))


@TOPIC.claim(
    "herrmann-dual",
    item=62,
    title="Herrmann's dual solution",
    statement="f = (1, 0, -1, -2, -1, 0, 1, 2, 1, 0), g = -f is feasible and worth 351/497",
    source=HERRMANN.at("dual form and notebook"),
    kind=Kind.EQUALITY,
    cases=lambda: numbers(-5, 5, whole=True),
    correction="The text calls linprog(-b, A, c), which needs A transposed and free variables, as "
    "the notebook has it; the notebook prints f under the heading g.",
)
def _herrmann_dual(case: Any) -> float:
    f = [value + case for value in _DUAL]
    feasible = all(f[i] - f[j] <= abs(i - j) for i in range(len(f)) for j in range(len(f)))
    value = sum(
        height * (Fraction(a, sum(_REAL)) - Fraction(b, sum(_FAKE)))
        for height, a, b in zip(f, _REAL, _FAKE, strict=True)
    )
    return 1.0 if feasible and value == _EXACT else -1.0


@TOPIC.claim(
    "constraint-rank",
    item=61,
    title="Rank of the constraints",
    statement="the 2 l x l^2 matrix of the marginal constraints has rank 2 l - 1",
    source=HERRMANN.at("linear programming"),
    kind=Kind.EQUALITY,
    cases=lambda: numbers(1, 6, whole=True),
    correction="One constraint follows from the others: both sides have mass one.",
)
def _rank(case: Any) -> float:
    rows = np.kron(np.eye(case), np.ones(case))
    columns = np.kron(np.ones(case), np.eye(case))
    rank = int(np.linalg.matrix_rank(np.concatenate([rows, columns])))
    return equal(rank, 2 * case - 1)


@TOPIC.claim(
    "farkas",
    item=64,
    title="Farkas' lemma",
    statement="exactly one: x >= 0 with A x = b, or y with A'y <= 0 and b.y > 0",
    source=HERRMANN.at("Farkas' theorem"),
    kind=Kind.EQUALITY,
    cases=lambda: functional(
        lambda draw: (
            [[draw(numbers(-3, 3, whole=True)) for _ in range(4)] for _ in range(3)],
            [draw(numbers(-3, 3, whole=True)) for _ in range(3)],
        )
    ),
)
def _farkas(case: Any) -> float:
    from scipy.optimize import linprog

    A, b = np.array(case[0], dtype=float), np.array(case[1], dtype=float)
    first = linprog(np.zeros(4), A_eq=A, b_eq=b, bounds=(0, None)).status == 0
    # b.y is bounded by one, so that the second programme has an optimum: 0 or 1.
    second = linprog(
        -b, A_ub=np.vstack([A.T, b]), b_ub=[0.0, 0.0, 0.0, 0.0, 1.0], bounds=(None, None)
    )
    return 1.0 if first != (-second.fun > 0.5) else -1.0


@TOPIC.claim(
    "inner-infimum",
    item=67,
    title="The minimax form: the inner infimum is an indicator",
    statement="inf over P >= 0 of sum P_ij (C_ij - f_i + f_j) is 0 if f is 1-Lipschitz, else -inf",
    source=HERRMANN.at("minimax form"),
    kind=Kind.EQUALITY,
    cases=lambda: tuples(measures(1), seeds()),
    correction='The final remark "achieved by clamping" gives K-Lipschitz, not 1-Lipschitz, see '
    "clipping-is-one-lipschitz-as-printed.",
)
def _inner(case: Any) -> float:
    (p,), seed = case
    rng, scale = np.random.default_rng(seed), extent(p)
    costs = euclidean_problem(p, p).matrix()
    centre = scale * rng.normal(size=p.d)
    lipschitz = np.linalg.norm(p.points - centre, axis=1)
    gaps = costs - lipschitz[:, None] + lipschitz
    slack = condition(at_most(0.0, float(gaps.min()), scale=scale))
    # Steeper than the metric: a multiple of one entry of P brings the sum below every number.
    steep = costs - 2.0 * lipschitz[:, None] + 2.0 * lipschitz
    rises = bool((np.abs(lipschitz[:, None] - lipschitz) > 0.75 * costs).any() and costs.any())
    falls = bool((steep < 0.0).any())
    return min(slack, 1.0 if falls or not rises or not costs.any() else -1.0)


@TOPIC.claim(
    "herrmann-linprog-as-printed",
    item=62,
    title="The call that solves the dual, as printed",
    statement="linprog(-b, A, c) maximises b.y over A'y <= c",
    source=HERRMANN.at("dual form, code"),
    kind=Kind.EQUALITY,
    cases=lambda: _programmes(),
    holds=False,
    correction="A is 2 l x l^2 and y has 2 l entries: the call is refused for all but two bins, "
    "where it is wrong. A must be transposed, and the variables freed from linprog's y >= 0.",
)
def _linprog_printed(case: Any) -> float:
    from scipy.optimize import linprog

    A, b, costs, value = _programme(case)
    try:
        found = linprog(-b, A, costs)
    except ValueError:
        return -1.0
    return equal(-found.fun, value, tolerance=1e-7) if found.status == 0 else -1.0


@TOPIC.claim(
    "herrmann-linprog",
    item=62,
    title="The call that solves the dual, corrected",
    statement="linprog(-b, A', c, bounds=(None, None)) gives W1",
    source=HERRMANN.at("notebook"),
    kind=Kind.EQUALITY,
    cases=lambda: _programmes(),
)
def _linprog(case: Any) -> float:
    from scipy.optimize import linprog

    A, b, costs, value = _programme(case)
    found = linprog(-b, A_ub=A.T, b_ub=costs, bounds=(None, None))
    return equal(-found.fun, value, tolerance=1e-7)


def _programmes() -> Any:
    return functional(
        lambda draw: [
            (draw(numbers(1, 9, whole=True)), draw(numbers(1, 9, whole=True)))
            for _ in range(draw(numbers(2, 5, whole=True)))
        ]
    )


def _programme(case: Any) -> tuple[FloatArray, FloatArray, FloatArray, float]:
    """Constraints, right side and costs of two histograms on 0, 1, …, and their W1."""
    real, fake = np.array(case, dtype=float).T
    p, q, bins = real / real.sum(), fake / fake.sum(), np.arange(float(len(case)))
    size = len(case)
    A = np.concatenate([np.kron(np.eye(size), np.ones(size)), np.kron(np.ones(size), np.eye(size))])
    costs = np.abs(bins[:, None] - bins).ravel()
    value = float(distances.wasserstein1_histogram(p, q, support=bins))
    return A, np.concatenate([p, q]), costs, value
