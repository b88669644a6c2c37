"""Flights from New York in January and July: how much later, how sure, and sure of what.

Flights of one day share its weather, so rows are no independent draws. A test that exchanges single
rows sees too narrow a null; exchanging stretches of about a day keeps what the days have in common.
Beside the figure it writes a page that compares all columns in this way.
"""

import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pyarrow.parquet as pq
from showing import Example

from otdiv import confidence_interval, two_sample_test
from otdiv.plotting import plot_intervals, plot_null
from otdiv.tables import compare_tables

example = Example(__doc__)
# As seen from where one stands: the report names the files so.
data = Path(os.path.relpath(Path(__file__).parent)) / "data"
columns = ("arr_delay", "dep_delay", "air_time")
n_permutations = 999 if example.quick else 9999
days = 31


def column(month, name):
    """The values of flights that have one, in minutes and in the order of the file."""
    table = pq.read_table(data / f"flights_2013_{month:02d}.parquet", columns=[name])
    return table[name].drop_null().to_numpy().astype(float)


def stretches(values, month):
    """31 labels of a month, each of as many neighbouring rows as a mean day has."""
    return 100 * month + np.arange(len(values)) * days // len(values)


found, nulls = {}, {}
for name in columns:
    january, july = column(1, name), column(7, name)
    by_row = two_sample_test(january, july, n_permutations=n_permutations, rng=0)
    by_day = two_sample_test(
        january,
        july,
        blocks=(stretches(january, 1), stretches(july, 7)),
        n_permutations=n_permutations,
        rng=0,
    )
    interval = confidence_interval(january, july, rng=0)
    found[name], nulls[name] = interval, by_day
    example.shows(f"{name}: W1", f"{interval.value:.2f} min")
    example.shows(
        f"{name}: 95 % interval, if rows were independent",
        f"{interval.low:.2f} to {interval.high:.2f} min",
    )
    narrow, wide = by_row.null_quantile(0.95), by_day.null_quantile(0.95)
    example.holds(
        f"{name}: 95 % of the null by rows, by days",
        f"{narrow:.2f}, {wide:.2f} min",
        "days are wider",
        narrow < wide,
    )
    example.shows(f"{name}: p by days", f"{by_day.pvalue:.4f} ± {by_day.monte_carlo_error:.4f}")
    verdict = "the months differ" if by_day.pvalue <= 0.05 else "within what days do"
    example.shows(f"{name}: verdict at 5 %", verdict)
told = [note for note in found["arr_delay"].notes if "neighbouring rows" in note]
example.holds(
    "arr_delay: does the interval say that rows follow each other?",
    f"{len(told)} notes",
    "one a month",
    len(told) == 2,
)

flights_a_day = 910  # 27,004 and 29,425 flights in 31 days each
report = compare_tables(
    *(data / f"flights_2013_{month:02d}.parquet" for month in (1, 7)),
    blocks=flights_a_day,
    n_permutations=n_permutations,
    rng=0,
)
example.output.mkdir(parents=True, exist_ok=True)
page = example.output / "14_flights_by_month.html"
page.write_text(report.to_html(), encoding="utf-8")
quiet = [row.column for row in report if not row.differs]
example.holds(
    "columns of the report that days explain, at 5 %",
    ", ".join(quiet) or "none",
    "the share of each airport of New York",
    quiet == ["origin"],
)

figure, (above, below) = plt.subplots(2, 1, figsize=(8, 6), layout="constrained")
plot_intervals(found, ax=above)
above.set_xlabel("W1 between January and July, min")
plot_null(nulls["arr_delay"], ax=below)
below.set_xlabel("W1 of arrival delays where days are exchanged, min")
example.finish(figure, "14_flights_by_month")
