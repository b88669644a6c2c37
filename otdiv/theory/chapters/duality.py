"""Claims about the Kantorovich-Rubinstein formula and its Lipschitz functions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import certificates, critics, distances, solving
from ..._typing import FloatArray
from ..cases import functional, measures, numbers, seeds, tuples
from ..claim import Kind, Topic
from ..slacks import at_most, condition, equal
from .shorthand import euclidean_problem, extent, law
from .sources import BOXES, HERRMANN, QI, STANCZUK, ZHANG

TOPIC = Topic("duality", "Kantorovich-Rubinstein duality")


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
    # An atom of hardly any mass.
    witnesses=(((law([0.0]), law([0.0, 0.0], [1.0 - 2.0**-40, 2.0**-40])), 0),),
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
        condition(at_most(float((rises - steps).max()), 0.0, scale=scale)),
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
    "potentials-are-opposite",
    item=66,
    title="For a metric cost g = -f",
    statement="the c-transform of a 1-Lipschitz f is -f, so the dual needs one function",
    source=HERRMANN.at("dual form; particular case 5.4 of Villani (2009)"),
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
    g = certificates.c_transform(euclidean_problem(p, p), f)
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
    source=STANCZUK.at("on the c-transform"),
    kind=Kind.INEQUALITY,
    cases=lambda: tuples(measures(2), seeds()),
)
def _semi_dual(case: Any) -> float:
    (p, q), seed = case
    problem, scale = euclidean_problem(p, q), extent(p, q)
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
