"""Claims about the Jensen-Shannon divergence, its range, its root and its two conventions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import divergences
from ..cases import singular_pairs, vector_pairs, vectors
from ..claim import Kind, Topic
from ..slacks import at_most, condition, equal
from .shorthand import entropy_of
from .sources import BOXES, ENDRES, LIN, WGAN

TOPIC = Topic("jensen_shannon", "The Jensen-Shannon divergence")


@TOPIC.claim(
    "js-range",
    item=5,
    title="Range of the Jensen-Shannon divergence",
    statement="0 <= JS(p, q) <= log 2, JS(p, q) = JS(q, p), and JS(p, p) = 0",
    source=LIN.at("properties of JS"),
    kind=Kind.INEQUALITY,
    cases=vector_pairs,
)
def _js_range(case: Any) -> float:
    p, q = case
    value = float(divergences.js_divergence(p, q))
    return min(
        at_most(0.0, value, scale=1.0),
        at_most(value, math.log(2.0)),
        equal(value, divergences.js_divergence(q, p)),
        equal(divergences.js_divergence(p, p), 0.0),
    )


@TOPIC.claim(
    "js-entropies",
    item=5,
    also=(33,),
    title="Jensen-Shannon divergence, with its halves",
    statement="JS(p, q) = KL(p|m) / 2 + KL(q|m) / 2 = H(m) - H(p) / 2 - H(q) / 2, m = (p + q) / 2",
    source=BOXES.at("KL and JS divergence"),
    kind=Kind.EQUALITY,
    cases=vector_pairs,
)
def _js_entropies(case: Any) -> float:
    p, q = case
    m = 0.5 * (p + q)
    halves = 0.5 * divergences.kl_divergence(p, m) + 0.5 * divergences.kl_divergence(q, m)
    value = divergences.js_divergence(p, q)
    entropies = entropy_of(m) - 0.5 * entropy_of(p) - 0.5 * entropy_of(q)
    return min(equal(value, halves), equal(value, entropies, scale=4.0))


@TOPIC.claim(
    "js-of-singular-laws",
    item=5,
    title="Jensen-Shannon divergence of singular laws",
    statement="JS(p, q) = log 2 where no point has mass under both",
    source=LIN.at("properties of JS"),
    kind=Kind.EQUALITY,
    cases=singular_pairs,
)
def _js_singular(case: Any) -> float:
    p, q = case
    return equal(divergences.js_divergence(p, q), math.log(2.0), tolerance=1e-14)


@TOPIC.claim(
    "js-zero-only-for-equals",
    item=5,
    title="Jensen-Shannon divergence tells laws apart",
    statement="JS(p, q) >= TV(p, q)^2 / 2, so JS = 0 only for p = q",
    source=LIN.at("properties of JS"),
    kind=Kind.INEQUALITY,
    cases=vector_pairs,
)
def _js_zero(case: Any) -> float:
    p, q = case
    value = float(divergences.js_divergence(p, q))
    return at_most(0.5 * float(np.abs(0.5 * (p - q)).sum()) ** 2, value, tolerance=1e-9)


@TOPIC.claim(
    "js-root-is-a-metric",
    item=5,
    title="The root of the Jensen-Shannon divergence is a metric",
    statement="sqrt JS(p, r) <= sqrt JS(p, q) + sqrt JS(q, r)",
    source=ENDRES,
    kind=Kind.INEQUALITY,
    cases=lambda: vectors(3),
)
def _js_metric(case: Any) -> float:
    p, q, r = case
    way = divergences.js_distance(p, q) + divergences.js_distance(q, r)
    return at_most(divergences.js_distance(p, r), way, tolerance=1e-9)


@TOPIC.claim(
    "js-is-a-metric",
    item=5,
    title="The Jensen-Shannon divergence itself is no metric",
    statement="JS(p, r) <= JS(p, q) + JS(q, r)",
    source=ENDRES,
    kind=Kind.COUNTEREXAMPLE,
    cases=lambda: vectors(3),
    holds=False,
    correction="Its root is one. For p = (1, 0), q = (1/2, 1/2), r = (0, 1): log 2 > 0.4315.",
    witnesses=((np.array([1.0, 0.0]), np.array([0.5, 0.5]), np.array([0.0, 1.0])),),
)
def _js_no_metric(case: Any) -> float:
    p, q, r = case
    way = divergences.js_divergence(p, q) + divergences.js_divergence(q, r)
    return at_most(divergences.js_divergence(p, r), way)


@TOPIC.claim(
    "js-convention-as-printed",
    item=39,
    title="The definition of JS in the WGAN paper against its own Example 1",
    statement="with JS(P, Q) = KL(P|M) + KL(Q|M), JS of disjoint laws is log 2",
    source=WGAN.at("section 2, definition of JS, and example 1"),
    kind=Kind.EQUALITY,
    cases=singular_pairs,
    holds=False,
    correction="The definition lacks the factor 1/2 that Example 1 and section 4.2 use: as it "
    "stands the value is 2 log 2.",
    witnesses=((np.array([1.0, 0.0]), np.array([0.0, 1.0])),),
)
def _js_printed(case: Any) -> float:
    p, q = case
    return equal(divergences.js_divergence_unhalved(p, q), math.log(2.0), tolerance=1e-9)


@TOPIC.claim(
    "js-conventions",
    item=39,
    title="The two conventions of JS",
    statement="KL(P|M) + KL(Q|M) = 2 JS(P, Q) <= 2 log 2",
    source=WGAN.at("section 2, corrected"),
    kind=Kind.EQUALITY,
    cases=vector_pairs,
)
def _js_conventions(case: Any) -> float:
    p, q = case
    m = 0.5 * (p + q)
    double = divergences.kl_divergence(p, m) + divergences.kl_divergence(q, m)
    return min(
        equal(divergences.js_divergence_unhalved(p, q), double),
        equal(2.0 * divergences.js_divergence(p, q), double),
        condition(at_most(double, 2.0 * math.log(2.0))),
    )
