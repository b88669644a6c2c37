"""Pictures of batches hold the numbers of their report."""

import matplotlib as mpl
import numpy as np
import pytest

from otdiv.errors import InvalidInputError
from otdiv.plotting import plot_heat_map, plot_series
from otdiv.tables import compare_batches, compare_over

mpl.use("Agg")
from matplotlib import colors
from matplotlib import pyplot as plt

FEW = {"n_permutations": 199}


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def report():
    rng = np.random.default_rng(0)
    a, same = ({"x": rng.normal(size=300), "$_y": rng.normal(size=300)} for _ in range(2))
    far = {"x": a["x"] + 3.0, "$_y": np.where(rng.random(300) < 0.5, np.nan, a["$_y"])}
    return compare_batches(a, {"same": same, "far": far, "part": {"x": a["x"]}}, **FEW)


@pytest.fixture(scope="module")
def days():
    rng = np.random.default_rng(0)
    day = np.repeat(np.arange("2024-01-01", "2024-01-09", dtype="datetime64[D]"), 50)
    x = rng.normal(size=day.size) + 2.0 * (day == np.datetime64("2024-01-05"))
    return compare_over({"day": day, "x": x}, time="day", every="1d", units={"x": "cm"}, **FEW)


def test_cells_have_the_colours_of_effects_that_differ_and_others_are_pale(report):
    ax = report.plot()
    assert [text.get_text() for text in ax.get_yticklabels()] == ["x", "\\$_y", "\\$_y, missing"]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["same", "far", "part"]
    cells = np.asarray(ax.images[0].get_array())
    dark = colors.to_rgba("#042f5e")
    assert tuple(cells[0, 1]) == pytest.approx(dark)  # 3 sd
    assert cells[0, 0, 3] < 0.3
    assert cells[0, 2, 3] < 0.3
    assert cells[1, 2, 3] == 0.0  # not there
    assert tuple(cells[2, 1, :3]) != tuple(cells[1, 1, :3])


def test_sizes_are_written_where_there_is_room(report):
    sizes = [text.get_text() for text in plot_heat_map(report).texts]
    assert f"{report.matrix()[0, 1]:.2f}" in sizes
    assert "-50 %" not in sizes
    assert any(text.startswith("+") for text in sizes)


def test_many_batches_are_named_by_some_of_them():
    x = np.arange(40.0) % 7
    many = {f"batch {k}": {"x": x} for k in range(100)}
    ax = plot_heat_map(compare_batches({"x": x}, many, n_permutations=19))
    names = [text.get_text() for text in ax.get_xticklabels()]
    assert names[:2] == ["batch 0", "batch 3"]
    assert len(ax.texts) == 0


def test_a_series_stands_on_the_axis_of_time_over_its_band(days):
    ax = days.plot("x")
    bars = ax.containers[0]
    noise = [one["x"].noise.percentile_95 for one in days]
    assert [bar.get_height() for bar in bars] == noise
    dots = np.vstack([found.get_offsets() for found in ax.collections[1:]])
    effects = sorted(days.effects("x"))
    assert sorted(dots[:, 1]) == effects
    differs = ax.collections[1].get_offsets()
    assert len(differs) == 1
    middle = mpl.dates.date2num(np.datetime64("2024-01-05T12"))
    assert differs[0][0] == pytest.approx(middle)
    assert ax.get_ylabel() == "W1, cm"
    assert ax.get_title(loc="left") == "x against 2024-01-01"
    words = {text.get_text() for text in ax.get_legend().get_texts()}
    assert words == {"95 % of no change", "differs", "does not differ"}


def test_a_series_leaves_out_batches_that_do_not_have_the_column(report):
    ax = plot_series(report, "$_y")
    assert sum(len(found.get_offsets()) for found in ax.collections[1:]) == 2
    assert len(ax.get_xticklabels()) == 3


def test_without_relabellings_there_is_no_band():
    a = {"x": [1.0, 2.0, 4.0], "c": ["u", "v", "v"]}
    report = compare_batches(a, {"p": a, "q": {"x": [2.0, 3.0], "c": ["u", "w"]}}, n_permutations=0)
    for column in ("x", "c"):
        ax = plot_series(report, column)
        assert not ax.containers
        assert ax.get_legend() is None
    assert ax.get_ylabel() == "TV, %"
    assert "does not differ" not in [t.get_text() for t in plot_heat_map(report).legend_.texts]


def test_what_was_not_compared_cannot_be_drawn():
    report = compare_batches({"x": [1.0, 2.0]}, {"p": {"x": ["u", "v"]}}, **FEW)
    with pytest.raises(InvalidInputError, match="could be compared"):
        report.plot()
    with pytest.raises(InvalidInputError, match="effect in some batch"):
        report.plot("x")
    with pytest.raises(KeyError):
        report.plot("y")
