"""What a comparison says the rows show: p-values, intervals, corrections, verdicts."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from otdiv import InvalidInputError, wasserstein1
from otdiv.tables import Verdict, compare_tables
from otdiv.tables.nulls import ENOUGH, draw_until_settled, share_null
from otdiv.tables.verdicts import adjusted


def normal(seed, n, shift=0.0):
    return np.random.default_rng(seed).normal(shift, size=n)


def p_values(sizes, repetitions=60):
    """Of eight columns of one law, a report after the other."""
    found = []
    for seed in range(repetitions):
        rng = np.random.default_rng(seed)
        tables = [
            {
                "normal": rng.normal(size=n),
                "heavy": rng.standard_t(2, size=n),
                "rounded": np.round(rng.normal(size=n), 1),
                "few": rng.integers(0, 3, size=n),
                "letters": rng.choice(list("abcde"), size=n),
                "many": rng.choice([f"c{k}" for k in range(60)], size=n),
                "truths": rng.random(n) < 0.1,
                "gaps": np.where(rng.random(n) < 0.2, np.nan, rng.exponential(size=n)),
            }
            for n in sizes
        ]
        report = compare_tables(*tables, rng=seed)
        for row in report:
            found.append(row.p_value)
            if row.missing is not None:
                found.append(row.missing.evidence.p_value)
    return np.array(found)


@pytest.mark.parametrize("sizes", [(2000, 40), (40, 2000), (150, 150)])
def test_columns_of_one_law_are_flagged_as_often_as_said(sizes):
    found = p_values(sizes)
    # 540 p-values, of which those of discrete columns are conservative: three standard errors.
    assert np.mean(found <= 0.05) <= 0.05 + 3.0 * math.sqrt(0.05 * 0.95 / found.size)
    assert np.mean(found <= 0.5) <= 0.5 + 3.0 * math.sqrt(0.25 / found.size)
    assert np.mean(found <= 0.5) >= 0.3


def test_a_small_table_beside_a_large_one_of_the_same_law_is_within_noise_both_ways():
    a, b = {"x": normal(0, 100_000)}, {"x": normal(1, 200)}
    for report in (compare_tables(a, b), compare_tables(b, a)):
        assert report["x"].verdict is Verdict.WITHIN_NOISE
        assert report["x"].effect < report["x"].noise.percentile_95


@given(st.integers(1, 7), st.integers(1, 7), st.data())
def test_the_p_value_of_two_shares_counts_every_relabelling(n, m, data):
    marks = data.draw(st.lists(st.booleans(), min_size=n + m, max_size=n + m))
    total = sum(marks)

    def difference(of_a):
        return abs(of_a / n - (total - of_a) / m)

    observed = difference(sum(marks[:n]))
    deals = [
        difference(sum(marks[i] for i in chosen))
        for chosen in itertools.combinations(range(n + m), n)
    ]
    expected = np.mean([value >= observed - 1e-12 for value in deals])
    null = share_null((sum(marks[:n]), sum(marks[n:])), (n, m), seed=0)
    assert null.p_value == pytest.approx(expected, rel=1e-9)


def test_an_early_stop_keeps_the_p_value_valid():
    # Observed effects and draws from one continuous law: the p-value is uniform or above.
    rng = np.random.default_rng(0)
    found = []
    for _ in range(4000):
        observed = rng.normal()
        source = np.random.default_rng(rng.integers(2**63))
        null = draw_until_settled(lambda _, s=source: s.normal(size=64), observed, 0.0, 999)
        found.append(null.p_value)
    found = np.array(found)
    for level in (0.01, 0.05, 0.1, 0.3):
        limit = 3.0 * math.sqrt(level * (1.0 - level) / found.size)
        assert abs(np.mean(found <= level) - level) <= limit


def test_draws_end_where_the_p_value_is_settled():
    near = compare_tables({"x": normal(0, 300)}, {"x": normal(1, 300)})["x"].evidence
    far = compare_tables({"x": normal(0, 300)}, {"x": normal(1, 300, 1.0)})["x"].evidence
    assert near.n_draws < 999
    assert near.p_value >= ENOUGH / near.n_draws
    assert (far.n_draws, far.p_value) == (9999, 1e-4)


P_VALUES = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=30)


@given(P_VALUES)
def test_corrections_keep_the_order_and_only_raise(p):
    order = np.argsort(p, kind="stable")
    for correction in ("bh", "by", "holm"):
        after = adjusted(p, correction)
        assert (after >= np.array(p)).all()
        assert (after <= 1.0).all()
        assert (np.diff(after[order]) >= 0.0).all()
    assert (adjusted(p, "by") >= adjusted(p, "bh")).all()
    assert (adjusted(p, "holm") >= adjusted(p, "bh") - 1e-15).all()
    assert (adjusted(p, "none") == np.array(p)).all()


def test_corrections_of_a_known_example():
    # Benjamini and Hochberg (1995), section 3: 15 p-values; at 5 % Benjamini-Hochberg rejects the
    # four least, Bonferroni three.
    p = [
        0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262,
        0.5719, 0.6528, 0.7590, 1.0000,
    ]  # fmt: skip
    assert np.count_nonzero(adjusted(p, "bh") <= 0.05) == 4
    assert np.count_nonzero(adjusted(p, "holm") <= 0.05) == 3


def test_the_interval_holds_the_distance_of_the_laws_and_the_effect():
    inside = 0
    for seed in range(40):
        report = compare_tables(
            {"x": normal(2 * seed, 400)}, {"x": normal(2 * seed + 1, 300, 0.3)}, rng=seed
        )
        evidence = report["x"].evidence
        assert evidence.low <= report["x"].effect <= evidence.high
        assert report["x"].effect <= evidence.at_most
        inside += evidence.low <= 0.3 <= evidence.high
    assert inside >= 34  # 38 are expected; binomial, three standard errors


def test_tolerances_are_in_the_unit_in_sd_or_a_share():
    a = {"x": normal(0, 3000) * 10.0, "c": ["u"] * 600 + ["v"] * 2400}
    b = {"x": normal(1, 3000, 0.5) * 10.0, "c": ["u"] * 700 + ["v"] * 2300}
    for given_, delta in (({"x": 9}, 9.0), ({"x": "9 min"}, 9.0), ("0.9sd", None)):
        report = compare_tables(a, b, tolerance=given_, units={"x": "min"})
        row = report["x"]
        assert row.evidence.tolerance == pytest.approx(delta or 0.9 * row.pooled_sd)
        assert row.verdict is Verdict.DIFFERS_LITTLE
        assert row.evidence.at_most <= row.evidence.tolerance
    assert compare_tables(a, b, tolerance={"x": 1})["x"].verdict is Verdict.DIFFERS
    assert compare_tables(a, b, tolerance="10%")["c"].verdict is Verdict.DIFFERS_LITTLE
    same = compare_tables(a, a, tolerance="0.9sd,10%")
    assert same["x"].verdict is same["c"].verdict is Verdict.SAME
    assert compare_tables(a, a)["x"].verdict is Verdict.WITHIN_NOISE


@pytest.mark.parametrize("bad", ["-1", "sd", "nan", "inf", "1 2", True, ""])
def test_bad_tolerances_are_refused(bad):
    with pytest.raises(InvalidInputError, match="tolerance"):
        compare_tables({"x": [1.0]}, {"x": [2.0]}, tolerance={"x": bad})


def test_a_tolerance_in_a_unit_that_the_column_has_not_names_what_it_has():
    tables = {"x": [1.0, 2.0], "c": ["a", "b"]}
    for name, given_, has in (("x", "5 km", "min"), ("c", "0.1sd", "share of the rows")):
        with pytest.raises(InvalidInputError, match=has):
            compare_tables(tables, tables, units={"x": "min"}, tolerance={name: given_})


def test_half_of_the_values_missing_is_a_difference_of_its_own():
    x = normal(0, 500)
    gone = np.where(np.arange(500) % 2 == 0, np.nan, x)
    row = compare_tables({"x": x}, {"x": gone})["x"]
    assert row.verdict is Verdict.WITHIN_NOISE
    assert row.missing.verdict is Verdict.DIFFERS
    assert row.missing.effect == 0.5
    assert row.differs
    whole = compare_tables({"x": x}, {"x": np.full(500, np.nan)})["x"]
    assert whole.error is not None
    assert whole.missing.verdict is Verdict.DIFFERS
    little = compare_tables({"x": x}, {"x": gone}, missing_tolerance="70%")["x"].missing
    assert little.verdict is Verdict.DIFFERS_LITTLE


def test_what_differs_comes_first_and_what_took_no_part_last():
    a = {"id": [f"user {k}" for k in range(200)], "still": normal(0, 200), "moved": normal(1, 200)}
    b = {"id": [f"guest {k}" for k in range(200)], "still": normal(2, 200)}
    b["moved"] = normal(3, 200, 0.5)
    a["bad"], b["bad"] = ["u"] * 200, normal(4, 200)
    report = compare_tables(a, b)
    assert [row.column for row in report] == ["moved", "still", "id", "bad"]
    assert [row.column for row in report.differing] == ["moved"]
    assert [row.column for row in report.retyped] == ["bad"]
    assert [row.column for row in report.failed] == ["bad"]


def test_columns_that_name_rows_take_no_part():
    n = 60
    rng = np.random.default_rng(0)
    table = {
        "row": np.arange(n),
        "key": [f"{k:032x}" for k in rng.integers(2**60, size=n)],
        "remark": [f"the {k} of words in a row" for k in rng.integers(2**60, size=n)],
        "number": rng.normal(size=n),
        "city": rng.choice(["Rome", "Oslo"], size=n),
    }
    report = compare_tables(table, table)
    left_out = {row.column: row.left_out for row in report}
    assert left_out == {
        "row": "identifiers",
        "key": "identifiers",
        "remark": "free text",
        "number": None,
        "city": None,
    }
    assert not report.failed
    told = compare_tables(table, table, kinds={"row": "number", "key": "category"})
    assert told["row"].effect == told["key"].effect == 0.0


def autoregressive(rng, n, memory=0.9):
    noise = rng.normal(size=n)
    series = np.empty(n)
    last = rng.normal() / math.sqrt(1.0 - memory**2)
    for k in range(n):
        last = memory * last + noise[k]
        series[k] = last
    return series


def test_rows_in_time_are_exchanged_in_blocks():
    alone = together = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        a, b = ({"x": autoregressive(rng, 3000)} for _ in range(2))
        alone += compare_tables(a, b, rng=seed)["x"].differs
        together += compare_tables(a, b, rng=seed, blocks=100)["x"].differs
    assert alone >= 10
    assert together <= 5  # 1.5 are expected


def test_rows_that_are_alike_are_said_to_be():
    rng = np.random.default_rng(0)
    a, b = ({"x": autoregressive(rng, 500, 0.98), "y": rng.normal(size=500)} for _ in range(2))
    report = compare_tables(a, b)
    assert report["x"].neighbours > 0.5
    assert report["y"].neighbours is None
    assert compare_tables(a, b, blocks=50)["x"].neighbours is None


def test_blocks_are_the_values_of_a_column_or_runs_of_rows():
    days = np.repeat(np.arange(25), 20)
    rng = np.random.default_rng(0)
    a, b = ({"x": rng.normal(size=500), "day": days} for _ in range(2))
    by_column = compare_tables(a, b, blocks="day")
    assert [row.column for row in by_column] == ["x"]
    assert by_column["x"].p_value == compare_tables(a, b, blocks=20, columns=["x"])["x"].p_value
    assert "(25 and 25)" in by_column.exchanged


def test_pairs_show_what_rows_alone_do_not():
    x = normal(0, 300)
    a, b = {"x": x}, {"x": x + 0.02 + 0.02 * normal(1, 300)}
    assert compare_tables(a, b)["x"].verdict is Verdict.WITHIN_NOISE
    assert compare_tables(a, b, paired=True)["x"].verdict is Verdict.DIFFERS


def test_pairs_without_a_difference_are_within_noise():
    flagged = 0
    for seed in range(60):
        x = normal(3 * seed, 200)
        a = {"x": x + 0.1 * normal(3 * seed + 1, 200)}
        b = {"x": x + 0.1 * normal(3 * seed + 2, 200)}
        flagged += compare_tables(a, b, paired=True, rng=seed)["x"].differs
    assert flagged <= 9  # 3 are expected


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"paired": True}, "as many rows"),
        ({"blocks": "nobody"}, "name a column"),
        ({"blocks": 0}, "blocks"),
        ({"blocks": "gaps"}, "a value in every row"),
        ({"level": 1.0}, "level"),
        ({"correction": "bonferroni"}, "correction"),
        ({"n_permutations": -1}, "n_permutations"),
        ({"missing_tolerance": 2}, "share"),
        ({"tolerance": {"nobody": 1}}, "nobody"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, words):
    a = {"x": [1.0, 2.0, 3.0], "gaps": [1.0, math.nan, 2.0]}
    b = {"x": [1.0, 2.0], "gaps": [1.0, 2.0]}
    with pytest.raises(InvalidInputError, match=words):
        compare_tables(a, b, **options)


def test_what_moved_is_named():
    a = {"x": np.arange(1.0, 101.0)[::-1], "c": ["old"] * 10 + ["kept"] * 90}
    b = {"x": np.arange(1.0, 101.0)[::-1] + 5.0, "c": ["kept"] * 70 + ["new"] * 20 + ["rare"] * 10}
    report = compare_tables(a, b)
    assert [(move.level, move.a, move.difference) for move in report["x"].quantiles] == [
        (0.05, 5.0, 5.0),
        (0.25, 25.0, 5.0),
        (0.5, 50.0, 5.0),
        (0.75, 75.0, 5.0),
        (0.95, 95.0, 5.0),
    ]
    assert (report["c"].new, report["c"].vanished) == (("new", "rare"), ("old",))


def test_quantiles_of_dates_are_differences():
    days = np.arange("2024-01-01", "2024-02-10", dtype="datetime64[D]")
    row = compare_tables({"t": days[::-1]}, {"t": days[::-1] + 3})["t"]
    assert [(move.a, move.difference) for move in row.quantiles] == [(None, 3.0)] * 5


def test_weights_count_rows_as_often():
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=400), rng.integers(1, 4, size=400).astype(float)
    shifted = compare_tables(
        {"x": x, "w": w}, {"x": rng.normal(0.6, size=300), "w": np.ones(300)}, weights="w"
    )["x"]
    assert shifted.verdict is Verdict.DIFFERS
    repeated = np.repeat(x, w.astype(int))
    assert shifted.quantiles[2].a == np.quantile(repeated, 0.5, method="inverted_cdf")
    flagged = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        pair = [{"x": rng.normal(size=n), "w": rng.lognormal(sigma=1.0, size=n)} for n in (300, 80)]
        flagged += compare_tables(*pair, weights="w", rng=seed)["x"].differs
    assert flagged <= 7  # 2 are expected


def test_the_drivers_add_up_and_name_the_column_that_moved():
    rng = np.random.default_rng(0)
    a, b = ({name: rng.normal(size=400) for name in "xyz"} for _ in range(2))
    b["y"] += 3.0
    joint = compare_tables(a, b).joint
    assert joint.drivers[0].column == "y"
    assert sum(driver.share for driver in joint.drivers) == pytest.approx(1.0, abs=1e-12)
    assert joint.drivers[0].share > 0.9
    assert joint.verdict is Verdict.DIFFERS
    assert joint.w2_squared.gap <= 1e-9 * joint.w2_squared.upper
    assert joint.driver_rows == (400, 400)


def test_a_limit_of_the_permutations_is_said():
    rng = np.random.default_rng(0)
    a, b = ({f"x{k}": rng.normal(size=60) for k in range(40)} for _ in range(2))
    b["x0"] = b["x0"] + 2.0
    few = compare_tables(a, b, n_permutations=99)["x0"].evidence
    assert few.is_limited
    assert few.verdict is Verdict.WITHIN_NOISE
    enough = compare_tables(a, b)["x0"].evidence
    assert not enough.is_limited
    assert enough.verdict is Verdict.DIFFERS


def test_a_report_of_columns_of_one_law_names_none_of_them():
    flagged = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        a, b = ({f"x{k}": rng.normal(size=n) for k in range(20)} for n in (300, 60))
        flagged += bool(compare_tables(a, b, rng=seed).differing)
    assert flagged <= 7  # 2 are expected


def test_a_large_categorical_column_has_an_interval_in_bounded_memory():
    rng = np.random.default_rng(0)
    a, b = ({"c": rng.integers(0, 30_000, size=60_000)} for _ in range(2))
    row = compare_tables(a, b, kinds={"c": "category"})["c"]
    assert row.verdict is Verdict.WITHIN_NOISE
    assert 0.0 <= row.evidence.low <= row.effect <= row.evidence.high <= 1.0


def test_the_noise_is_that_of_scipys_permutation_test():
    x, y = normal(0, 40), normal(1, 25, 0.5)
    row = compare_tables({"x": x}, {"x": y})["x"]
    reference = stats.permutation_test(
        (x, y), wasserstein1, n_resamples=2000, alternative="greater", rng=0
    )
    assert row.p_value == pytest.approx(reference.pvalue, abs=0.015)
    assert row.noise.median == pytest.approx(np.median(reference.null_distribution), rel=0.1)


def test_missing_identifiers_are_seen():
    keys = [f"{k:016x}" for k in range(200)]
    gone = [key if k % 2 else None for k, key in enumerate(keys)]
    row = compare_tables({"key": keys}, {"key": gone}).rows[0]
    assert (row.left_out, row.verdict) == ("identifiers", None)
    assert row.missing.verdict is Verdict.DIFFERS
    assert row.differs


def test_rows_that_are_far_beyond_squares_have_no_drivers():
    far = {"x": [0.0, 1.0, 2.0], "y": [0.0] * 40 + [1.0]}
    a = {"x": [0.0, 1e-200] * 20 + [1.0], "y": far["y"]}
    b = {"x": [0.0, 1e-200] * 20 + [1e200], "y": far["y"]}
    joint = compare_tables(a, b).joint
    assert joint is None or joint.effect is None or joint.effect >= 0.0


@pytest.mark.parametrize("make", [lambda rng, n: rng.exponential(size=n), lambda rng, n: None])
def test_weights_of_one_table_alone_give_no_false_alarms(make):
    """Uneven weights on one side make its part noisier than the parts that are dealt."""
    p = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        a, b = ({str(k): rng.normal(size=n) for k in range(3)} for n in (100, 300))
        weights = rng.exponential(size=100), make(rng, 300)
        report = compare_tables(a, b, weights=weights, n_permutations=199, rng=seed)
        p += [row.p_value for row in report]
    # At most 0.05 of 300, of which three share their weights, and 3.3 standard deviations.
    assert np.mean(np.array(p) <= 0.05) <= 0.05 + 3.3 * math.sqrt(0.05 * 0.95 / 300)


def test_weights_of_one_table_alone_find_what_moved():
    rng = np.random.default_rng(3)
    a, b = {"x": rng.normal(size=200)}, {"x": rng.normal(0.8, size=400)}
    weights = rng.exponential(size=200), None
    assert compare_tables(a, b, weights=weights)["x"].verdict is Verdict.DIFFERS


@pytest.mark.parametrize("share", [0.03, 0.05, 0.07])
def test_shares_that_few_rows_show_are_not_said_to_be_the_same(share):
    """None of 50 rows may well be marked where 3 % of the law are."""
    said = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        a, b = {"x": np.zeros(50, bool)}, {"x": rng.random(50) < share}
        report = compare_tables(a, b, tolerance=share - 0.001, n_permutations=99)
        said += report["x"].verdict is Verdict.SAME
    assert said <= 200 * 0.05 + 3.0 * math.sqrt(200 * 0.05 * 0.95)


def test_a_constant_category_may_hold_others_that_no_row_showed():
    row = compare_tables({"x": ["a"] * 30}, {"x": ["a"] * 30}, tolerance="1%")["x"]
    assert row.verdict is Verdict.WITHIN_NOISE
    # Clopper and Pearson's two-sided limit of 0 in 30, and that of the other side.
    assert row.evidence.at_most == pytest.approx(1.0 - 0.025 ** (1.0 / 30.0))


def test_one_block_a_side_has_no_interval():
    rng = np.random.default_rng(0)
    a, b = {"x": rng.normal(size=50)}, {"x": rng.normal(1.0, size=50)}
    evidence = compare_tables(a, b, blocks=50, tolerance=5.0)["x"].evidence
    assert (evidence.low, evidence.at_most) == (0.0, math.inf)
    assert evidence.verdict is Verdict.WITHIN_NOISE
    assert evidence.notes == ("one block has no spread: there is no interval",)


def test_few_and_equal_rows_are_noted_by_the_names_of_the_tables():
    rng = np.random.default_rng(0)
    a, b = {"x": [1.0] * 60}, {"x": rng.normal(size=5)}
    notes = "; ".join(compare_tables(a, b, n_permutations=99)["x"].evidence.notes)
    assert "all rows of A are equal" in notes
    assert "B has 5 rows" in notes
