"""Heat maps of distances stand in the order of their dendrogram."""

import matplotlib as mpl
import numpy as np
import pytest
from scipy.spatial.distance import squareform

from otdiv import InvalidInputError, pairwise_distances
from otdiv.plotting import plot_distance_matrix

mpl.use("Agg")
from matplotlib import pyplot as plt


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture
def condensed():
    rng = np.random.default_rng(0)
    places = rng.permutation(np.repeat([0.0, 5.0, 12.0], 6))
    return pairwise_distances(rng.normal(size=(18, 40)) + places[:, None])


def test_groups_stand_side_by_side(condensed):
    ax = plot_distance_matrix(condensed)
    order = [int(text.get_text()) for text in ax.get_yticklabels()]
    drawn = np.asarray(ax.images[0].get_array())
    np.testing.assert_array_equal(drawn, squareform(condensed)[np.ix_(order, order)])
    groups = [drawn[i : i + 6, i : i + 6].max() for i in (0, 6, 12)]
    assert max(groups) < 2.0
    assert len(ax.child_axes[0].lines) == 17
    heights = np.concatenate([line.get_ydata() for line in ax.child_axes[0].lines])
    assert heights.max() > 5.0


def test_condensed_and_square_distances_are_drawn_alike(condensed):
    first, second = (plot_distance_matrix(d) for d in (condensed, squareform(condensed)))
    np.testing.assert_array_equal(first.images[0].get_array(), second.images[0].get_array())


def test_labels_are_written_as_they_are_and_left_out_of_large_matrices(condensed):
    figure, ax = plt.subplots()
    names = [f"$s_{i}$" for i in range(18)]
    assert plot_distance_matrix(condensed, labels=names, ax=ax) is ax
    figure.canvas.draw()
    assert len(ax.get_yticklabels()) == 18
    large = plot_distance_matrix(np.ones(70 * 69 // 2))
    assert "70 samples" in large.get_xlabel()
    assert not large.get_yticklabels()


@pytest.mark.parametrize(
    ("distances", "options", "words"),
    [
        ([1.0, 2.0], {}, "`distances` must have shape"),
        ([], {}, "`distances` must have shape"),
        ([-1.0], {}, "`distances` must be non-negative"),
        ([np.nan], {}, "`distances` must be finite"),
        ([[0.0, 1.0], [2.0, 0.0]], {}, "`distances` must be symmetric"),
        ([1.0], {"labels": ["a"]}, "`labels` must hold 2 names"),
        ([1.0], {"method": "ward"}, "`method` must be"),
    ],
)
def test_what_is_no_matrix_of_distances_is_named(distances, options, words):
    with pytest.raises(InvalidInputError, match=words):
        plot_distance_matrix(distances, **options)
