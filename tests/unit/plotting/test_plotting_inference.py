"""Pictures of intervals and of required sizes hold the numbers of their results."""

import math
import warnings

import matplotlib as mpl
import numpy as np
import pytest

from otdiv import confidence_interval, required_size
from otdiv.errors import InvalidInputError
from otdiv.inference import Interval, RequiredSize
from otdiv.plotting import plot_intervals, plot_power

mpl.use("Agg")
from matplotlib import pyplot as plt


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def interval(value, low, high, distance="wasserstein1"):
    """An interval as `confidence_interval` makes it."""
    return Interval(
        value=value,
        low=low,
        high=high,
        level=0.95,
        distance=distance,
        method="selective",
        kind="measured",
    )


def drawn(ax):
    """What each line of the picture covers: its x, with the height at which it lies."""
    return [(tuple(line.get_xdata()), line.get_ydata()[0]) for line in ax.lines]


def test_an_interval_is_a_bar_with_its_value_and_zero_in_view():
    x = np.random.default_rng(0).normal(size=(2, 100))
    result = confidence_interval(x[0], x[1] + 2.0, rng=0)
    ax = result.plot()
    assert ((result.low, result.high), 0) in drawn(ax)
    assert ((result.value,), 0) in drawn(ax)
    left, right = ax.get_xlim()
    assert left < 0.0 < result.high < right
    assert f"{result.value:.4g}" in ax.get_title(loc="left")
    assert ax.get_xlabel() == "wasserstein1 of the laws"


def test_several_intervals_stand_below_one_another_under_their_names():
    rows = {"first": interval(1.0, 0.5, 1.5), "$last": interval(3.0, 2.0, 4.0)}
    ax = plot_intervals(rows)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["first", r"\$last"]
    assert ax.yaxis_inverted()
    assert {((0.5, 1.5), 0), ((2.0, 4.0), 1)} <= set(drawn(ax))
    listed = plot_intervals([interval(1.0, 0.5, 1.5), interval(2.0, 1.0, 3.0, "wasserstein2")])
    assert [label.get_text() for label in listed.get_yticklabels()] == [
        "wasserstein1",
        "wasserstein2",
    ]
    assert listed.get_xlabel() == "distance of the laws"


def test_an_interval_without_an_upper_end_is_an_arrow():
    result = interval(1.5, 0.5, math.inf)
    ax = result.plot()
    (arrow,) = [text for text in ax.texts if text.arrow_patch is not None]
    assert arrow.xyann == (0.5, 0)
    assert arrow.xy[0] > 1.5
    assert "∞" in ax.get_title(loc="left")
    assert np.isfinite(ax.get_xlim()).all()


@pytest.mark.parametrize("scale", [0.0, 5e-324, 1e-300, 1.0, 1e300])
def test_any_finite_interval_is_drawn_without_a_warning(scale):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ax = interval(scale, 0.0, 1.5 * scale).plot()
        ax.figure.canvas.draw()
    assert ("1e" in ax.get_xlabel()) == (scale not in (0.0, 1.0))


@pytest.mark.parametrize("wrong", [[], {}, [1.0], "interval", None, 3.0])
def test_what_is_no_interval_is_refused_by_name(wrong):
    with pytest.raises(InvalidInputError, match="intervals"):
        plot_intervals(wrong)


def test_the_power_curve_is_that_of_the_search_with_the_size_found():
    result = required_size(1.0, n_simulations=500, rng=0)
    ax = result.plot()
    curve = ax.lines[0]
    assert list(zip(curve.get_xdata(), curve.get_ydata(), strict=True)) == list(result.curve)
    assert ((result.n,), result.power) in drawn(ax)
    assert f"{result.n} rows a side" in ax.get_title(loc="left")
    (bars,) = ax.collections
    lengths = [np.ptp(segment[:, 1]) for segment in bars.get_segments()]
    at = [n for n, _ in result.curve].index(result.n)
    assert lengths[at] == pytest.approx(2.0 * result.standard_error)


def test_uneven_sides_and_a_single_size_are_drawn():
    result = RequiredSize(
        n=5,
        m=10,
        power=1.0,
        standard_error=0.0,
        statistic="energy",
        alpha=0.05,
        curve=((5, 1.0),),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ax = plot_power(result)
        ax.figure.canvas.draw()
    assert "5 + 10 rows" in ax.get_title(loc="left")
    assert "2 of y" in ax.get_xlabel()


def test_given_axes_are_drawn_on_and_returned():
    _, axes = plt.subplots(2)
    assert interval(1.0, 0.5, 1.5).plot(ax=axes[0]) is axes[0]
    assert required_size(2.0, n_simulations=200, rng=0).plot(ax=axes[1]) is axes[1]
