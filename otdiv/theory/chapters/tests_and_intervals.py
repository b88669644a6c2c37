"""Claims about laws known by samples: levels of permutation tests, coverage of intervals."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from scipy.stats import binom

from ..._typing import FloatArray
from ...inference import confidence_interval, two_sample_test
from ..cases import choices, numbers, seeds, tuples
from ..claim import Kind, Topic
from ..slacks import at_most
from .sources import DERIVED, PHIPSON, SOMMERFELD

TOPIC = Topic("tests_and_intervals", "Tests and intervals of samples")

_LEVEL = 0.05
# Pairs of samples of a case; of 300 a test at 5 % rejects 15 on average, and in a millionth of the
# cases more than the bound.
_PAIRS = 300
_FALSE_ALARM = 1e-6

_LAWS = ("normal", "cauchy", "poisson")


def _draw(law: str, rng: np.random.Generator, n: int) -> FloatArray:
    """Rows of a law: with light tails, without a mean, or with many equal ones."""
    if law == "poisson":
        return rng.poisson(1.0, n).astype(np.float64)
    return rng.standard_cauchy(n) if law == "cauchy" else rng.standard_normal(n)


@TOPIC.claim(
    "exact-permutation-p-value",
    item=79,
    title="The p-value of all labellings",
    statement="of all labellings of a pool, at most a share of alpha has p <= alpha, for every "
    "alpha and with ties",
    source=PHIPSON,
    kind=Kind.INEQUALITY,
    cases=lambda: tuples(tuples(*[numbers(0, 9, whole=True)] * 6), numbers(2, 4, whole=True)),
    budget=40,
)
def _exact(case: Any) -> float:
    pool, n = np.asarray(case[0], dtype=np.float64), case[1]
    found = []
    for rows in combinations(range(len(pool)), n):
        first = np.zeros(len(pool), dtype=bool)
        first[list(rows)] = True
        found.append(two_sample_test(pool[first], pool[~first]).pvalue)
    ps = np.sort(found)
    shares = np.searchsorted(ps, ps, side="right") / ps.size
    return min(at_most(share, p) for share, p in zip(shares, ps, strict=True))


@TOPIC.claim(
    "permutation-test-keeps-its-level",
    item=79,
    title="The level of a test by random labellings",
    statement="where both samples come from one law, p = (1 + b) / (1 + B) is at most 5 % in at "
    "most 5 % of the cases, whatever the law",
    source=PHIPSON,
    kind=Kind.STATISTICAL,
    cases=lambda: tuples(seeds(), choices(_LAWS)),
    budget=6,
    correction="300 pairs of 12 and 9 rows a case, B = 99; more rejections than the bound come in "
    "a millionth of the cases.",
)
def _level(case: Any) -> float:
    seed, law = case
    rng = np.random.default_rng(seed)
    rejected = 0
    for _ in range(_PAIRS):
        x, y = _draw(law, rng, 12), _draw(law, rng, 9)
        rejected += two_sample_test(x, y, n_permutations=99, rng=rng).pvalue <= _LEVEL
    return at_most(rejected, binom.ppf(1.0 - _FALSE_ALARM, _PAIRS, _LEVEL))


@TOPIC.claim(
    "p-without-the-observed",
    item=79,
    title="The share of the random labellings alone as a p-value, as one might believe",
    statement="p = b / B, of B random labellings, is at most alpha with probability at most alpha",
    source=PHIPSON,
    kind=Kind.COUNTEREXAMPLE,
    cases=lambda: tuples(seeds(), choices(_LAWS[:2])),
    budget=6,
    holds=False,
    correction="Of B + 1 equally likely ranks b = 0 is one, so p = 0 comes with probability "
    "1 / (B + 1): a tenth for B = 9. The observed labelling must count.",
    witnesses=((0, "normal"),),
)
def _without(case: Any) -> float:
    seed, law = case
    rng = np.random.default_rng(seed)
    zeros, n_permutations = 0, 9
    for _ in range(_PAIRS):
        x, y = _draw(law, rng, 12), _draw(law, rng, 9)
        result = two_sample_test(x, y, n_permutations=n_permutations, rng=rng)
        zeros += round(result.pvalue * (1 + n_permutations)) == 1
    # Each p = b / B that is 0 is at most any alpha; here alpha is a hundredth.
    return at_most(zeros, binom.ppf(1.0 - _FALSE_ALARM, _PAIRS, 0.01))


def _covered(seed: int, shift: float, method: str, n_pairs: int) -> int:
    """How many of the intervals of pairs of normal samples hold W1 of the laws, the shift."""
    rng = np.random.default_rng(seed)
    covered = 0
    for _ in range(n_pairs):
        x, y = rng.standard_normal(100), rng.standard_normal(100) + shift
        found = confidence_interval(x, y, method=method, n_replicates=200, rng=rng)
        covered += shift in found
    return covered


@TOPIC.claim(
    "interval-covers",
    item=80,
    title="Intervals of W1 from the noise of the difference",
    statement="intervals at 95 % hold W1 of two normal laws, also where it is 0",
    source=DERIVED,
    kind=Kind.STATISTICAL,
    cases=lambda: tuples(
        seeds(), choices([0.0, 0.1, 0.3, 1.0, 3.0]), choices(["selective", "triangle"])
    ),
    budget=6,
    correction="300 pairs of 100 rows a case; where 95 % is covered, fewer than the bound come in "
    "a millionth of the cases. Of 1500 pairs each, 94.0 to 97.8 % were covered.",
)
def _coverage(case: Any) -> float:
    seed, shift, method = case
    covered = _covered(seed, shift, method, _PAIRS)
    return at_most(binom.ppf(_FALSE_ALARM, _PAIRS, 1.0 - _LEVEL), covered)


@TOPIC.claim(
    "bootstrap-covers-near-equal-laws",
    item=80,
    title="The bootstrap of W1 near equal laws, as one might believe",
    statement="the percentiles of W1 of resampled rows cover W1 of the laws in 95 %, also where it "
    "is 0",
    source=SOMMERFELD,
    kind=Kind.COUNTEREXAMPLE,
    cases=lambda: tuples(seeds(), choices([0.0, 0.05])),
    budget=4,
    holds=False,
    correction="At equal laws the limit of W1 is not normal and the bootstrap does not have it: "
    "resampled rows lie apart by chance, and the lower percentile stays above 0.",
    witnesses=((0, 0.0),),
)
def _bootstrap(case: Any) -> float:
    seed, shift = case
    covered = _covered(seed, shift, "percentile", 60)
    return at_most(binom.ppf(_FALSE_ALARM, 60, 1.0 - _LEVEL), covered)
