"""Claims about what converges when another distance converges."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import distances, divergences, solving
from ..._typing import FloatArray
from ..cases import choices, measures, numbers, seeds, tuples, vectors
from ..claim import Kind, Topic
from ..slacks import at_most, equal
from .shorthand import extent, law
from .sources import FOURNIER, GIBBS, READING, VILLANI, ZHANG

TOPIC = Topic("topology", "What converges with what")


@TOPIC.claim(
    "tv-controls-w1",
    item=56,
    also=(40,),
    title="TV controls W1 on a bounded space",
    statement="W1(P, Q) <= diam TV(P, Q)",
    source=ZHANG.at("theorem 3.2 (4); theorem 4 in Gibbs & Su (2002)"),
    kind=Kind.INEQUALITY,
    cases=lambda: measures(2),
    correction="diam is the diameter of the union of the supports; two Dirac measures attain it.",
)
def _tv_w1(case: Any) -> float:
    p, q = case
    points = np.concatenate([p.points, q.points])
    diameter = float(np.linalg.norm(points[:, None] - points, axis=2).max())
    bound = diameter * float(divergences.total_variation(p, q))
    return at_most(distances.wasserstein1(p, q), bound, scale=extent(p, q))


@TOPIC.claim(
    "chain-of-topologies",
    item=56,
    also=(40, 53, 55),
    title="The chain of topologies, with sharp constants",
    statement="W1 / diam <= TV <= sqrt(2 JS), sqrt(KL / 2): W1 is the weakest, KL the strongest",
    source=ZHANG.at("theorem 3.2; theorem 2 of arXiv:1701.07875"),
    kind=Kind.INEQUALITY,
    cases=lambda: measures(2),
)
def _chain(case: Any) -> float:
    p, q = case
    points = np.concatenate([p.points, q.points])
    diameter = float(np.linalg.norm(points[:, None] - points, axis=2).max())
    tv = float(divergences.total_variation(p, q))
    moved = distances.wasserstein1(p, q) / diameter if diameter > 0.0 else 0.0
    least = min(divergences.kl_divergence(p, q), divergences.kl_divergence(q, p))
    rounding = 1e-14
    return min(
        at_most(moved, tv, scale=extent(p, q) / diameter if diameter > 0.0 else 1.0),
        at_most(tv, math.sqrt(2.0 * divergences.js_divergence(p, q)) + rounding),
        at_most(tv, math.sqrt(0.5 * max(0.0, float(least))) + rounding),
    )


@TOPIC.claim(
    "w1-controls-tv",
    item=56,
    also=(40,),
    title="W1 does not control TV or JS",
    statement="TV(P, Q) <= 10 sqrt W1(P, Q)",
    source=ZHANG.at("theorem 3.2 (4), converse"),
    kind=Kind.COUNTEREXAMPLE,
    cases=lambda: numbers(1, 10**6, whole=True),
    holds=False,
    correction="d_{1/n} against d_0: W1 = 1/n -> 0 while TV = 1 and JS = log 2 for every n.",
    witnesses=(1000,),
)
def _w1_tv(case: Any) -> float:
    p, q = law([0.0]), law([1.0 / case])
    bound = 10.0 * math.sqrt(distances.wasserstein1(p, q))
    return at_most(divergences.total_variation(p, q), bound)


@TOPIC.claim(
    "discrete-metric",
    item=56,
    title="For the discrete metric W is TV",
    statement="the optimal cost of 1[x != y] is TV(p, q)",
    source=GIBBS.at("section 2, total variation"),
    kind=Kind.EQUALITY,
    cases=lambda: vectors(2),
)
def _discrete_metric(case: Any) -> float:
    p, q = case
    costs = 1.0 - np.eye(len(p))
    value = solving.transport_matrix(costs, x_weights=p, y_weights=q).value
    return equal(value, divergences.total_variation(p, q))


@TOPIC.claim(
    "tv-is-pointwise-convergence",
    item=56,
    title="Convergence in TV, as printed",
    statement="TV(P_n, P) -> 0 means that the densities converge almost everywhere",
    source=ZHANG.at("theorem 3.2 (4), proof"),
    kind=Kind.COUNTEREXAMPLE,
    cases=lambda: choices(range(1, 13)),
    holds=False,
    correction="It means uniform convergence on all sets. Moving the extra mass 2^-k over the 2^k "
    "cells of [0, 1] in turn gives TV < 2^-k and, at every point, densities near 2 "
    "infinitely often.",
    witnesses=(3,),
)
def _typewriter(case: Any) -> float:
    cells = 2**case
    uniform = np.full(cells, 1.0 / cells)
    highest = np.zeros(cells)
    tv = 0.0
    for cell in range(cells):
        moved = uniform.copy()
        moved[cell] *= 2.0
        moved /= moved.sum()
        highest = np.maximum(highest, moved * cells)
        if cell < 4:
            tv = max(tv, float(divergences.total_variation(moved, uniform)))
    # "Almost everywhere": even the most favourable point keeps its deviation while TV -> 0.
    return at_most(float(highest.min()) - 1.0, 2.0 * tv)


@TOPIC.claim(
    "lipschitz-means-converge",
    item=54,
    title="W1 controls the means of Lipschitz functions",
    statement="|E_P f - E_Q f| <= Lip(f) W1(P, Q): distance functions, cones, norms of linear maps",
    source=ZHANG.at("theorem 3.2 (2)"),
    kind=Kind.INEQUALITY,
    cases=lambda: tuples(measures(2), seeds()),
)
def _lipschitz_means(case: Any) -> float:
    (p, q), seed = case
    rng = np.random.default_rng(seed)
    centres, heights = rng.normal(size=(4, p.d)) * 10.0, rng.normal(size=4) * 10.0
    matrix = rng.normal(size=(3, p.d))
    matrix /= np.linalg.norm(matrix, ord=2)

    def gap(function: Any) -> float:
        return abs(
            math.fsum(p.weights * function(p.points)) - math.fsum(q.weights * function(q.points))
        )

    moved, scale = distances.wasserstein1(p, q), 20.0 * extent(p, q)
    return min(
        at_most(gap(lambda x: _cones(x, centres, heights)), moved, scale=scale),
        at_most(gap(lambda x: np.linalg.norm(x @ matrix.T, axis=1)), moved, scale=scale),
        at_most(gap(lambda x: x[:, 0]), moved, scale=scale),
    )


def _cones(x: FloatArray, centres: FloatArray, heights: FloatArray) -> FloatArray:
    """max_k heights_k - |x - centres_k|: 1-Lipschitz (McShane)."""
    return np.asarray((heights - np.linalg.norm(x[:, None] - centres, axis=2)).max(axis=1))


@TOPIC.claim(
    "empirical-laws-converge",
    item=54,
    title="Empirical laws converge in W1",
    statement="E W1(P_n, P) <= 1 / (2 sqrt n) for P on [0, 1]",
    source=FOURNIER.at("theorem 1; the constant by E|F_n - F| <= 1 / (2 sqrt n)"),
    kind=Kind.STATISTICAL,
    cases=seeds,
    budget=10,
    correction="Tested on uniform draws, one run of n = 400 a case. Moving one point changes W1 by "
    "at most 1/n: McDiarmid's inequality, 1e-6 false alarms a case, 1e-5 a run.",
)
def _empirical(case: Any) -> float:
    from scipy import stats

    rng, n = np.random.default_rng(case), 400
    value = distances.wasserstein1(rng.random(n), stats.uniform())
    allowed = 0.5 / math.sqrt(n) + math.sqrt(math.log(1e6) / (2.0 * n))
    return at_most(value, allowed)


@TOPIC.claim(
    "lattice-approximation",
    item=54,
    title="Finitely many atoms come close to every law",
    statement="rounding points to a lattice of mesh h moves a law by W1 <= h sqrt(d) / 2",
    source=VILLANI.at("theorem 6.18, first step"),
    kind=Kind.INEQUALITY,
    cases=lambda: tuples(measures(1), choices([1.0, 0.5, 0.25, 0.125])),
)
def _lattice(case: Any) -> float:
    (p,), mesh = case
    rounded = p.pushforward(lambda x: np.round(x / mesh) * mesh)
    bound = 0.5 * mesh * math.sqrt(p.d)
    return at_most(distances.wasserstein1(p, rounded), bound, scale=extent(p))


@TOPIC.claim(
    "weak-convergence-suffices",
    item=54,
    title="Weak convergence and W1 on an unbounded space",
    statement="P_n -> P weakly implies W1(P_n, P) -> 0: W1 <= 10 times the bounded-Lipschitz "
    "distance",
    source=ZHANG.at("theorem 3.2 (2), without compactness"),
    kind=Kind.COUNTEREXAMPLE,
    cases=lambda: numbers(1, 10**6, whole=True),
    holds=False,
    correction="True on compact spaces, as the theorem assumes. On the line (1 - 1/n) d_0 + (1/n) "
    "d_n -> d_0 weakly while W1 = 1 for every n.",
    witnesses=(1000,),
)
def _weak(case: Any) -> float:
    share = 1.0 / case
    p = law([0.0, float(case)], [1.0 - share, share])
    # For |f| <= 1 the means differ by at most twice the mass that moved.
    return at_most(distances.wasserstein1(p, law([0.0])), 10.0 * 2.0 * share)


@TOPIC.claim(
    "mass-escapes",
    item=54,
    title="The escaping mass, exactly",
    statement="W1((1 - 1/n) d_0 + (1/n) d_n, d_0) = 1",
    source=VILLANI.at("definition 6.8 (iii): weak convergence plus uniformly integrable moments"),
    kind=Kind.EQUALITY,
    cases=lambda: numbers(1, 10**6, whole=True),
)
def _escapes(case: Any) -> float:
    share = 1.0 / case
    p = law([0.0, float(case)], [1.0 - share, share])
    # The mass 1/n is a difference from one: an ulp of it, n away.
    value = distances.wasserstein1(p, law([0.0]))
    return equal(value, 1.0, tolerance=1e-15, scale=4.0 + case)


@TOPIC.claim(
    "loss-continuity-is-map-continuity",
    item=40,
    title="A continuous loss and a continuous map",
    statement="t -> W(P_r, P_t) continuous for one P_r implies t -> P_t continuous: "
    "W(P_s, P_t) <= 10 |W(P_r, P_s) - W(P_r, P_t)|",
    source=READING.at("section 2, on the equivalence of continuity"),
    kind=Kind.COUNTEREXAMPLE,
    cases=lambda: numbers(0.25, 10),
    holds=False,
    correction="Continuity of the map is that of W(P_t, P_s) as t -> s; for one fixed P_r the loss "
    "may stay still while P_t jumps from d_1 to d_-1 around P_r = d_0.",
    witnesses=(1.0,),
)
def _map_continuity(case: Any) -> float:
    real, left, right = ([0.0], [-case], [case])
    change = abs(distances.wasserstein1(real, left) - distances.wasserstein1(real, right))
    return at_most(distances.wasserstein1(left, right), 10.0 * change)
