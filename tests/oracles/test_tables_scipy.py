"""The flights report against SciPy, column by column."""

from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance

from otdiv.tables import compare_tables

DATA = Path(__file__).parents[2] / "examples" / "data"
PATHS = [DATA / f"flights_2013_{month}.parquet" for month in ("01", "07")]


@pytest.fixture(scope="module")
def frames():
    return [pyarrow.parquet.read_table(path).to_pandas() for path in PATHS]


@pytest.fixture(scope="module")
def report():
    return compare_tables(*PATHS, n_permutations=0)


@pytest.mark.parametrize(
    ("column", "printed"),
    [("dep_delay", 11.75), ("arr_delay", 11.54), ("air_time", 9.14), ("distance", 52.48)],
)
def test_numeric_effects_are_those_of_scipy(report, frames, column, printed):
    x, y = (frame[column].dropna().to_numpy(float) for frame in frames)
    row = report[column]
    assert row.effect == pytest.approx(wasserstein_distance(x, y), rel=1e-12)
    assert round(row.effect, 2) == printed
    assert row.mean_difference == pytest.approx(y.mean() - x.mean(), rel=1e-12)
    assert row.pooled_sd == pytest.approx(np.sqrt((x.var() + y.var()) / 2.0), rel=1e-12)
    assert row.shift_share == pytest.approx(abs(y.mean() - x.mean()) / row.effect, rel=1e-12)


@pytest.mark.parametrize(
    ("column", "printed"), [("carrier", 0.0243), ("origin", 0.0104), ("dest", 0.0814)]
)
def test_categorical_effects_are_those_of_scipy(report, frames, column, printed):
    p, q = (frame[column].value_counts(normalize=True) for frame in frames)
    p, q = p.align(q, fill_value=0.0)
    row = report[column]
    assert row.effect == pytest.approx(0.5 * np.abs(p - q).sum(), rel=1e-12)
    assert round(row.effect, 4) == printed
    # SciPy's root of a sum of terms that cancel keeps about eight digits here.
    assert row.js_divergence == pytest.approx(jensenshannon(p, q) ** 2, rel=1e-8)


def test_the_first_row_of_the_flights_is_the_departure_delay_to_full_digits(report):
    assert report.rows[0].column == "dep_delay"
    assert report.rows[0].effect == pytest.approx(11.749269379051487, rel=1e-13)
