"""Matrices of distances in files: resumed, in single precision, with a bar; and their fast rows."""

import io
import sys

import numpy as np
import pytest
from scipy.spatial.distance import squareform

import otdiv
from otdiv import InvalidInputError, pairwise_distances, progress_bar


@pytest.fixture
def rng():
    return np.random.default_rng(9)


class SlicesOnly:
    """What arrays of zarr offer, and no more."""

    def __init__(self, shape, dtype=np.float64):
        self.array, self.writes = np.zeros(shape, dtype), 0
        self.shape, self.dtype = self.array.shape, self.array.dtype

    def __getitem__(self, place):
        assert isinstance(place, slice)
        return self.array[place].copy()

    def __setitem__(self, place, values):
        assert isinstance(place, slice)
        assert values.shape == self.array[place].shape
        assert values.dtype == self.dtype or np.isnan(values).all()
        self.writes += 1
        self.array[place] = values


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("with_other", [False, True])
def test_what_has_shape_dtype_and_slices_takes_distances(rng, dtype, with_other):
    samples = rng.normal(size=(9, 4))
    options = {"other": rng.normal(size=(5, 4))} if with_other else {}
    expected = pairwise_distances(samples, **options)
    out = SlicesOnly(expected.shape, dtype)
    assert pairwise_distances(samples, out=out, **options) is out
    np.testing.assert_array_equal(out.array, expected.astype(dtype))
    assert (abs(out.array - expected) <= 6e-8 * expected).all()


def test_single_precision_ends_in_infinity_without_a_word(rng):
    out = np.zeros(1, np.float32)
    assert pairwise_distances([[0.0, 0.0], [1e300, 1e300]], out=out)[0] == np.inf


@pytest.mark.parametrize("with_other", [False, True])
@pytest.mark.parametrize(
    "kind", ["line", "unequal", "histograms", "clouds", "js_distance", "function"]
)
def test_a_matrix_is_resumed_where_rows_hold_a_nan(rng, kind, with_other):
    clouds = rng.normal(size=(8, 4, 2))
    samples, options = {
        "line": (rng.normal(size=(8, 4)), {}),
        "unequal": ([rng.normal(size=k + 1) for k in range(8)], {}),
        "histograms": (rng.random((8, 4)), {"support": np.arange(4.0)}),
        "clouds": (clouds, {}),
        "js_distance": (rng.dirichlet(np.ones(4), 8), {"distance": "js_distance"}),
        "function": (clouds, {"distance": lambda x, y: np.abs(x - y).max()}),
    }[kind]
    if with_other:
        options["other"] = samples[:3]
    expected = pairwise_distances(samples, **options)
    out = expected.copy()
    first = out[2:3] if with_other else out[7 + 6 : 7 + 6 + 5]  # pairs of row 2
    first[:] = np.nan
    last = out[6:7] if with_other else out[-1:]
    last[:] = np.nan
    out.reshape(-1)[0] = -1.0  # known, and left alone
    pairwise_distances(samples, out=out, resume=True, **options)
    assert out.reshape(-1)[0] == -1.0
    np.testing.assert_array_equal(out.reshape(-1)[1:], expected.reshape(-1)[1:])


def test_a_stopped_matrix_holds_nan_and_is_resumed(rng, tmp_path):
    samples = rng.normal(size=(600, 2000))
    size = 600 * 599 // 2
    out = np.memmap(tmp_path / "distances", dtype=np.float64, mode="w+", shape=(size,))
    pairwise_distances(samples, out=out, n_jobs=1, callback=lambda progress: True)
    todo = np.isnan(out).sum()
    assert 0 < todo < size
    seen = []
    pairwise_distances(samples, out=out, resume=True, callback=seen.append)
    assert seen[-1].iteration <= todo + 600
    np.testing.assert_array_equal(out, pairwise_distances(samples))


def test_to_resume_takes_an_array():
    with pytest.raises(InvalidInputError, match="`resume` must be False without `out`"):
        pairwise_distances([[0.0], [1.0]], resume=True)
    with pytest.raises(InvalidInputError, match="`out` must have dtype float64 or float32"):
        pairwise_distances([[0.0], [1.0]], out=np.zeros(1, np.float16))


@pytest.mark.parametrize("name", ["wasserstein2", "energy_distance"])
@pytest.mark.parametrize("sizes", [(6,) * 7, (1, 2, 3, 7, 4, 1, 6)])
@pytest.mark.parametrize("scale", [1.0, 1e-300, 1e300])
def test_distances_on_the_line_are_those_of_pairs(rng, name, sizes, scale):
    samples = [scale * rng.integers(-4, 5, n).astype(float) for n in sizes]
    single = getattr(otdiv, name)
    expected = [[single(x, y) for y in samples] for x in samples]
    found = squareform(pairwise_distances(samples, distance=name))
    np.testing.assert_allclose(found, expected, rtol=1e-13)
    found = pairwise_distances(samples, distance=name, other=samples[::-1])
    np.testing.assert_allclose(found, np.array(expected)[:, ::-1], rtol=1e-13)


@pytest.mark.parametrize(
    "name", ["total_variation", "hellinger_distance", "js_distance", "js_divergence"]
)
def test_divergences_of_rows_are_those_of_pairs(rng, name, monkeypatch):
    monkeypatch.setattr("otdiv.many.matrix._ROWS_AT_ONCE", 3)
    rows = rng.dirichlet(np.full(6, 0.4), 9)
    rows[2] = [1.0, 0, 0, 0, 0, 0]
    rows[3] = [0, 0, 0, 0, 0.5, 0.5]
    rows[4] = rows[5]
    single = getattr(otdiv, name)
    expected = [[single(p, q) for q in rows] for p in rows]
    found = squareform(pairwise_distances(rows, distance=name))
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)
    assert found[2, 3] == pytest.approx(single(rows[2], rows[3]))
    assert found[4, 5] == 0.0
    found = pairwise_distances(rows[:4], distance=name, other=rows)
    np.testing.assert_allclose(found, expected[:4], rtol=1e-12, atol=1e-15)
    with pytest.raises(InvalidInputError, match=r"`samples\[1\]` must be non-negative"):
        pairwise_distances([[1.0, 0.0], [2.0, -1.0]], distance=name)


def test_a_bar_is_drawn_on_a_terminal_alone(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    with progress_bar(total=3) as callback:
        assert callback is None or sys.stderr.isatty()
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress_bar(total=3, description="distances") as callback:
        pairwise_distances([[0.0], [1.0], [3.0]], callback=callback)
    assert "distances" in terminal.getvalue()
    assert "3/3" in terminal.getvalue()
