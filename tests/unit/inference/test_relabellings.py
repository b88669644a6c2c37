"""Relabellings are drawn as they are promised: uniformly, reproducibly, within their groups."""

import math
from collections import Counter

import numpy as np
import pytest
from scipy import stats

from otdiv.inference.relabelling import LANES, Relabelling, unpacked

SEED = 20_240_101


def drawn_labels(relabelling, n_blocks, seed=SEED):
    """Labels (k, N, 64 b) of random relabellings."""
    blocks = [relabelling.drawn(seed, block) for block in range(n_blocks)]
    return np.array([unpacked(plane) for plane in np.stack(blocks, axis=2)])


def chi_square(labels, n_cells):
    """p-value of all relabellings being equally likely."""
    counts = Counter(map(bytes, np.moveaxis(labels, 2, 0).reshape(labels.shape[2], -1)))
    assert len(counts) <= n_cells
    observed = [*counts.values(), *[0] * (n_cells - len(counts))]
    return stats.chisquare(observed).pvalue


@pytest.mark.parametrize("sizes", [(2, 4), (3, 3), (1, 6), (6, 1), (5, 3), (2, 2, 2), (1, 3, 2)])
def test_every_subset_is_equally_likely(sizes):
    relabelling = Relabelling.of_rows(sizes)
    cells = math.factorial(sum(sizes)) // math.prod(map(math.factorial, sizes))
    assert relabelling.count() == cells
    labels = drawn_labels(relabelling, 20 * cells // LANES + 200)
    np.testing.assert_array_equal(labels.sum(axis=1).min(axis=1), sizes[: len(labels)])
    np.testing.assert_array_equal(labels.sum(axis=1).max(axis=1), sizes[: len(labels)])
    assert chi_square(labels, cells) > 1e-4


def test_strata_are_dealt_on_their_own():
    strata = np.array([0, 0, 0, 1, 1, 0, 1, 1])  # three and two rows of x, one and two of y
    relabelling = Relabelling.of_rows((5, 3), strata=strata)
    assert relabelling.count() == math.comb(4, 3) * math.comb(4, 2)
    labels = drawn_labels(relabelling, 200)
    np.testing.assert_array_equal(labels[0, strata == 0].sum(axis=0), 3)
    assert chi_square(labels, relabelling.count()) > 1e-4


def test_blocks_are_dealt_whole():
    blocks = np.array([0, 0, 1, 2, 2, 2, 3, 4])
    relabelling = Relabelling.of_rows((6, 2), blocks=blocks)
    assert relabelling.sizes_vary
    assert relabelling.count() == math.comb(5, 3)
    labels = drawn_labels(relabelling, 100)
    for block in range(5):
        rows = labels[0, blocks == block]
        np.testing.assert_array_equal(rows, np.broadcast_to(rows[:1], rows.shape))
    assert chi_square(labels, 10) > 1e-4


def test_pairs_are_swapped_by_fair_coins():
    relabelling = Relabelling.of_pairs(5)
    labels = drawn_labels(relabelling, 200)
    np.testing.assert_array_equal(labels[0, :5], 1 - labels[0, 5:])
    assert chi_square(labels, 32) > 1e-4


@pytest.mark.parametrize(
    "relabelling",
    [
        Relabelling.of_rows((3, 2)),
        Relabelling.of_rows((1, 7)),
        Relabelling.of_rows((7, 1)),
        Relabelling.of_rows((2, 1, 3)),
        Relabelling.of_rows((4, 3), strata=np.array([0, 0, 0, 1, 1, 1, 0])),
        Relabelling.of_rows((4, 3), blocks=np.array([0, 0, 1, 2, 3, 4, 4])),
        Relabelling.of_pairs(4),
        Relabelling.of_pairs(4, np.array([7, 7, 1, 2])),
    ],
)
def test_enumeration_has_each_relabelling_once_and_the_observed_one(relabelling):
    blocks = np.concatenate(
        [[unpacked(plane[:, None]) for plane in planes] for planes in relabelling.enumerated()],
        axis=2,
    )
    labels = np.moveaxis(blocks, 2, 0).reshape(blocks.shape[2], -1)
    count = relabelling.count()
    assert len({bytes(row) for row in labels[:count]}) == count
    observed = np.array([relabelling.labels == g for g in range(relabelling.n_planes)])
    assert (labels[:count] == observed.reshape(-1)).all(axis=1).sum() == 1
    drawn = drawn_labels(relabelling, 40 * count // LANES + 4)
    assert chi_square(drawn, count) > 1e-4


def test_large_subsets_have_their_size_and_the_moments_of_chance():
    relabelling = Relabelling.of_rows((7000, 3000))
    labels = drawn_labels(relabelling, 4)[0]
    np.testing.assert_array_equal(labels.sum(axis=0), 7000)
    # Each row is in x with probability 0.7, and two rows are in it together a little less often.
    share = labels.mean(axis=1)
    assert abs(share.std() / math.sqrt(0.21 / labels.shape[1]) - 1.0) < 0.05
    halves = labels[:5000].sum(axis=0)
    spread = stats.hypergeom(10_000, 7000, 5000).std()
    assert halves.std() == pytest.approx(spread, rel=0.2)


def test_a_block_of_a_seed_is_the_same_in_any_order():
    relabelling = Relabelling.of_rows((40, 30))
    forward = [relabelling.drawn(3, block) for block in range(4)]
    for block in (3, 1, 0, 2):
        np.testing.assert_array_equal(relabelling.drawn(3, block), forward[block])
    assert not np.array_equal(relabelling.drawn(4, 0), forward[0])
    assert not np.array_equal(forward[0], forward[1])


@pytest.mark.parametrize("size", [1, 2, 38, 39])
def test_few_rows_of_one_sample_are_dealt_evenly(size):
    # Fewer than one row in 32 are set, or left out, one by one.
    relabelling = Relabelling.of_rows((size, 40 - size))
    counts = np.zeros(40)
    for block in range(200):
        bits = unpacked(relabelling.drawn(0, block)[0][:, None])
        assert (bits.sum(axis=0) == size).all()
        counts += bits.sum(axis=1)
    assert stats.chisquare(counts).pvalue > 1e-4
