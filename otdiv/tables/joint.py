"""The numeric columns together: how far rows move, and along which columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from .._typing import FloatArray, IndexArray
from ..distances.sliced import sliced_wasserstein_result
from ..inference.cloud_statistics import SlicedStatistic
from ..inference.pooling import Pool
from ..results import TransportResult
from ..solving import transport
from .columns import BoolArray
from .evidence import Kept, Question, noise_floor
from .nulls import draw_until_settled, noise_scale
from .rows import Driver, Evidence, JointComparison

__all__ = ["compare_jointly"]

N_PROJECTIONS = 100
"""Projections of the joint distance: about 1 % to 10 % Monte-Carlo error, which is reported."""

MOST_ROWS = 10_000
"""Rows of a table that are compared jointly; of more a sample is drawn. Their sampling error is
then below that of the projections."""

MOST_PERMUTATIONS = 999
"""Relabellings of the joint number, of which there is one: its p-value needs no correction."""

_FARTHEST = 1e150
"""Standard deviations beyond which squares are no floats, and nothing is divided."""

DRIVER_ROWS = 2_000
"""Rows of a table whose optimal plan is divided among the columns: a second in ten dimensions."""


def compare_jointly(
    columns: Mapping[str, tuple[FloatArray, FloatArray]],
    sides: tuple[FloatArray | None, FloatArray | None],
    question: Question,
    rng: np.random.Generator,
) -> JointComparison:
    """Compare standardised columns (n,) and (m,), NaN where a row has none, on complete rows."""
    names = tuple(columns)
    tables = [np.column_stack([pair[side] for pair in columns.values()]) for side in (0, 1)]
    kept = [_complete(rows, weights) for rows, weights in zip(tables, sides, strict=True)]
    if question.exchange.paired:
        kept = [kept[0] & kept[1]] * 2
    counts = [int(np.count_nonzero(mask)) for mask in kept]
    joint = JointComparison(
        columns=names, n_a=counts[0], n_b=counts[1], n_projections=N_PROJECTIONS
    )
    for side, count in zip("AB", counts, strict=True):
        if count == 0:
            return replace(joint, error=f"no row of {side} has all of these columns")
    drawn = _drawn(kept, question, rng)
    x, y = (rows[mask] for rows, mask in zip(tables, drawn, strict=True))
    a, b = (
        None if weights is None else weights[mask]
        for weights, mask in zip(sides, drawn, strict=True)
    )
    seed = int(rng.integers(2**63))
    result = sliced_wasserstein_result(
        x, y, x_weights=a, y_weights=b, p=1, n_projections=N_PROJECTIONS, rng=seed
    )
    joint = replace(
        joint,
        sample_a=len(x),
        sample_b=len(y),
        effect=result.value,
        standard_error=result.standard_error,
    )
    if question.n_permutations:
        joint = _tested(joint, x, y, Kept(drawn[0], drawn[1]), question, seed)
    return _driven(joint, x, y, a, b, question, rng)


def _complete(rows: FloatArray, weights: FloatArray | None) -> BoolArray:
    """Mask of the rows without NaN and of positive weight."""
    kept = ~np.isnan(rows).any(axis=1)
    if weights is not None:
        kept &= weights > 0.0
    return np.asarray(kept)


def _drawn(kept: list[BoolArray], question: Question, rng: np.random.Generator) -> list[BoolArray]:
    """Masks of at most `MOST_ROWS` rows a table: pairs stay pairs, and blocks stay whole enough."""
    drawn: list[BoolArray] = []
    for side, mask in enumerate(kept):
        if side == 1 and question.exchange.paired:
            drawn.append(drawn[0])
            continue
        rows = np.flatnonzero(mask)
        if rows.size > MOST_ROWS:
            chosen = np.zeros_like(mask)
            chosen[rng.choice(rows, MOST_ROWS, replace=False)] = True
            mask = chosen
        drawn.append(mask)
    return drawn


def _tested(
    joint: JointComparison,
    x: FloatArray,
    y: FloatArray,
    kept: Kept,
    question: Question,
    seed: int,
) -> JointComparison:
    """Deal the rows anew, on the projections of the effect."""
    exchange = question.exchange
    relabelling = exchange.relabelling(kept.a, kept.b)
    weights = exchange.weights(kept.a, kept.b)
    pool = Pool(points=np.concatenate([x, y]), sizes=(len(x), len(y)), weights=weights)
    statistic = SlicedStatistic(
        pool, N_PROJECTIONS, np.random.default_rng(seed), sizes_vary=relabelling.sizes_vary
    )

    scale = noise_scale(weights, relabelling)

    def draw(block: int) -> FloatArray:
        planes = relabelling.drawn(seed, block)
        return np.asarray(statistic.evaluate(planes[:, :, None])[0]) * scale(planes)

    observed = float(statistic.evaluate(relabelling.observed()[:, :, None])[0, 0])
    most = min(question.n_permutations, MOST_PERMUTATIONS)
    null = draw_until_settled(draw, observed, 0.0, most, question.pulse.beat)
    null = null._replace(values=statistic.finish("sliced_wasserstein", null.values))
    evidence = Evidence(
        p_value=null.p_value, n_draws=null.n_draws, low=0.0, high=np.inf, at_most=np.inf
    )
    return replace(joint, noise=noise_floor(null, (len(x), len(y))), evidence=evidence)


def _driven(
    joint: JointComparison,
    x: FloatArray,
    y: FloatArray,
    a: FloatArray | None,
    b: FloatArray | None,
    question: Question,
    rng: np.random.Generator,
) -> JointComparison:
    """Divide W2² of a sample of rows among the columns."""
    farthest = max(float(np.abs(side).max()) for side in (x, y))
    if farthest > _FARTHEST:
        return joint
    (x, a), (y, b) = _sampled(x, a, rng), _sampled(y, b, rng)
    result = transport(
        x,
        y,
        x_weights=a,
        y_weights=b,
        cost="sqeuclidean",
        callback=lambda _: question.pulse.beat(),
    )
    parts = _parts(result, x, y)
    total = float(parts.sum())
    if not total > 0.0:
        return replace(joint, driver_rows=(len(x), len(y)), w2_squared=result.bounds)
    order = np.argsort(-parts, kind="stable")
    drivers = tuple(
        Driver(column=joint.columns[place], share=float(parts[place]) / total) for place in order
    )
    rows = len(x), len(y)
    return replace(joint, drivers=drivers, driver_rows=rows, w2_squared=result.bounds)


def _sampled(
    rows: FloatArray, weights: FloatArray | None, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray | None]:
    if len(rows) <= DRIVER_ROWS:
        return rows, weights
    chosen: IndexArray = rng.choice(len(rows), DRIVER_ROWS, replace=False)
    return rows[chosen], None if weights is None else weights[chosen]


def _parts(result: TransportResult, x: FloatArray, y: FloatArray) -> FloatArray:
    """Mean square that the plan moves rows along each coordinate."""
    if result.plan is None:
        return np.zeros(x.shape[1])
    plan = result.plan.tocoo()
    moved = x[plan.row] - y[plan.col]
    parts: FloatArray = plan.data @ (moved * moved)
    return parts
