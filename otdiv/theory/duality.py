"""Claims about the linear programme, its dual, and the Kantorovich-Rubinstein formula."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from .. import certificates, critics, distances, solving
from .._typing import FloatArray
from ..costs import Euclidean
from ..plans import Potentials
from ..problems import TransportProblem
from .cases import functional, measures, numbers, seeds, tuples
from .claim import Kind, Topic
from .laws import extent
from .slacks import at_most, equal
from .sources import BOXES, HERRMANN, QI, STANCZUK, ZHANG

TOPIC = Topic("duality", "Kantorovich-Rubinstein duality")


def _problem(p: Any, q: Any) -> TransportProblem:
    return TransportProblem(source=p, target=q, cost=Euclidean())


@TOPIC.claim(
    "kantorovich-rubinstein",
    item=35,
    also=(48, 57),
    title="Kantorovich-Rubinstein duality",
    statement="W1(P, Q) = max over 1-Lipschitz f of E_P f - E_Q f",
    source=ZHANG.at("(3.26)-(3.28); theorem 5.10 of Villani (2009)"),
    kind=Kind.EQUALITY,
    cases=lambda: tuples(measures(2), seeds()),
    correction="The maximiser is an extension of optimal potentials; its slopes are tested on "
    "random pairs of points.",
)
def _kantorovich_rubinstein(case: Any) -> float:
    (p, q), seed = case
    f = critics.KantorovichPotential(p.points, q.points, x_weights=p.weights, y_weights=q.weights)
    scale = extent(p, q)
    value = math.fsum(p.weights * f(p.points)) - math.fsum(q.weights * f(q.points))
    rng = np.random.default_rng(seed)
    spots = np.concatenate([p.points, q.points, scale * rng.normal(size=(8, p.d))])
    rises = np.abs(f(spots)[:, None] - f(spots))
    steps = np.linalg.norm(spots[:, None] - spots, axis=2)
    return min(
        equal(value, distances.wasserstein1(p, q), tolerance=1e-11, scale=scale),
        at_most(float((rises - steps).max()), 0.0, scale=scale),
    )


@TOPIC.claim(
    "any-lipschitz-function-as-printed",
    item=35,
    title="Any 1-Lipschitz function, as printed",
    statement="to compute W1 it is enough to find a 1-Lipschitz function: E_P f - E_Q f = W1",
    source=BOXES.at("Wasserstein distance"),
    kind=Kind.EQUALITY,
    cases=lambda: measures(2, d=2),
    holds=False,
    correction="It has to be the maximiser; any other gives a lower bound. Here f(x) = |x|.",
)
def _any_lipschitz(case: Any) -> float:
    p, q = case
    value = p.weights @ np.linalg.norm(p.points, axis=1)
    value -= q.weights @ np.linalg.norm(q.points, axis=1)
    return equal(value, distances.wasserstein1(p, q), tolerance=1e-6)


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
    result = solving.solve(_problem(p, q))
    scale = extent(p, q)
    assert result.potentials is not None
    f, g = result.potentials.f, result.potentials.g
    dual = math.fsum(result.problem.a * f) + math.fsum(result.problem.b * g)
    excess = float((f[:, None] + g - result.problem.matrix()).max())
    return min(
        equal(dual, result.value, scale=scale),
        at_most(excess, 0.0, scale=scale),
        at_most(result.bounds.lower, result.bounds.upper, tolerance=0.0),
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
    rng, problem = np.random.default_rng(seed), _problem(p, q)
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
    "potentials-are-opposite",
    item=66,
    title="For a metric cost g = -f",
    statement="the c-transform of a 1-Lipschitz f is -f, so the dual needs one function",
    source=HERRMANN.at("dual form; equation (5.4) of Villani (2009)"),
    kind=Kind.EQUALITY,
    cases=lambda: tuples(measures(1), seeds()),
    correction="The argument by sums of the text is heuristic; this one is exact. Potentials are "
    "vectors of R^l there, not of R^d.",
)
def _opposite(case: Any) -> float:
    (p,), seed = case
    rng, scale = np.random.default_rng(seed), extent(p)
    centres, heights = scale * rng.normal(size=(3, p.d)), scale * rng.normal(size=3)
    f = (heights - np.linalg.norm(p.points[:, None] - centres, axis=2)).max(axis=1)
    g = certificates.c_transform(_problem(p, p), f)
    size = scale + float(np.abs(f).max())
    return equal(float(np.abs(g + f).max()), 0.0, scale=size)


@TOPIC.claim(
    "potentials-opposite-for-squares",
    item=66,
    title="Opposite potentials for any cost, as one might conclude",
    statement="on a common support an optimal dual of |x - y|^2 has g = -f: it is worth W2^2",
    source=HERRMANN.at("dual form"),
    kind=Kind.COUNTEREXAMPLE,
    cases=lambda: functional(lambda draw: [draw(numbers(-9, 9, whole=True)) for _ in range(3)]),
    holds=False,
    correction="With g = -f the constraint is f_i - f_j <= |x_i - x_j|^2; on the points 0, 1, 2 "
    "moving 0 to 2 is then worth 2 at most, while it costs 4.",
    witnesses=([0, 1, 2],),
)
def _opposite_squares(case: Any) -> float:
    # Best f with f_i - f_j <= (x_i - x_j)^2 for moving the first point to the last: the shortest
    # path between them with these lengths, which a stop on the way may shorten.
    first, middle, last = case
    direct = (first - last) ** 2
    return at_most(direct, min(direct, (first - middle) ** 2 + (middle - last) ** 2))


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
    costs = _problem(p, p).matrix()
    centre = scale * rng.normal(size=p.d)
    lipschitz = np.linalg.norm(p.points - centre, axis=1)
    gaps = costs - lipschitz[:, None] + lipschitz
    slack = at_most(0.0, float(gaps.min()), scale=scale)
    # Steeper than the metric: a multiple of one entry of P brings the sum below every number.
    steep = costs - 2.0 * lipschitz[:, None] + 2.0 * lipschitz
    rises = bool((np.abs(lipschitz[:, None] - lipschitz) > 0.75 * costs).any() and costs.any())
    falls = bool((steep < 0.0).any())
    return min(slack, 1.0 if falls or not rises or not costs.any() else -1.0)


def _scaled_dual(a: FloatArray, b: FloatArray, costs: FloatArray, bound: float) -> float:
    """Largest sum (a_i - b_i) f_i over f_i - f_j <= bound C_ij on a common support."""
    from scipy.optimize import linprog

    n = len(a)
    rows, limits = [], []
    for i in range(n):
        for j in range(n):
            if i != j:
                row = np.zeros(n)
                row[i], row[j] = 1.0, -1.0
                rows.append(row)
                limits.append(bound * costs[i, j])
    if not rows:
        return 0.0
    bounds = [(0.0, 0.0)] + [(None, None)] * (n - 1)
    found = linprog(b - a, A_ub=np.array(rows), b_ub=limits, bounds=bounds)
    return -float(found.fun)


def _on_lattice() -> Any:
    def draw_case(draw: Any) -> Any:
        n = draw(numbers(1, 4, whole=True))
        points = [[draw(numbers(-8, 8, whole=True)) / 4.0 for _ in range(2)] for _ in range(n)]
        counts = [[draw(numbers(1, 9, whole=True)) for _ in range(n)] for _ in range(2)]
        return points, counts[0], counts[1], draw(numbers(0.1, 10.0))

    return functional(draw_case)


@TOPIC.claim(
    "k-lipschitz-scales",
    item=24,
    also=(47, 68),
    title="K-Lipschitz critics give K times the distance",
    statement="sup over |f|_L <= K of E_P f - E_Q f = K W1(P, Q)",
    source=QI.at("WGAN"),
    kind=Kind.EQUALITY,
    cases=_on_lattice,
)
def _k_scales(case: Any) -> float:
    points = np.array(case[0])
    a, b = (np.array(counts) / sum(counts) for counts in case[1:3])
    bound = case[3]
    costs = np.linalg.norm(points[:, None] - points, axis=2)
    value = distances.wasserstein1(points, points, x_weights=a, y_weights=b)
    return equal(_scaled_dual(a, b, costs, bound), bound * value, tolerance=1e-7, scale=1.0 + bound)


@TOPIC.claim(
    "semi-dual-never-exceeds",
    item=69,
    title="The c-transform's objective is a lower bound for every function",
    statement="mean f(x_i) + mean_j min_i (|x_i - y_j| - f(x_i)) <= W1 for every f, = W1 at the "
    "best",
    source=STANCZUK.at("section on the c-transform"),
    kind=Kind.INEQUALITY,
    cases=lambda: tuples(measures(2), seeds()),
)
def _semi_dual(case: Any) -> float:
    (p, q), seed = case
    problem, scale = _problem(p, q), extent(p, q)
    moved = distances.wasserstein1(p, q)
    f = scale * np.random.default_rng(seed).normal(size=p.n)
    dual = solving.solve(problem).potentials
    assert dual is not None
    best = dual.f

    def objective(potential: FloatArray) -> float:
        g = certificates.c_transform(problem, potential)
        return math.fsum(p.weights * potential) + math.fsum(q.weights * g)

    size = scale * (1.0 + float(np.abs(f).max()))
    return min(
        at_most(objective(f), moved, scale=size), equal(objective(best), moved, scale=8.0 * scale)
    )
