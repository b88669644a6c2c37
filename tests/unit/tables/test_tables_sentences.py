"""Headlines: what differs, how it moved, and nothing more than that."""

import re

import pytest

from otdiv.tables import Driver, JointComparison, Verdict
from otdiv.tables.phrases import movement
from otdiv.tables.wording import headlines
from tests.reports import category, evidence, missing, quantiles, report, row, shares

NOISE, SAME, LITTLE = Verdict.WITHIN_NOISE, Verdict.SAME, Verdict.DIFFERS_LITTLE


def said(*rows, **fields):
    return "\n".join(headlines(report(*rows, **fields)))


def moved(*moves, **fields):
    return movement(row(quantiles=quantiles(*moves), **fields))


def test_the_columns_that_differ_come_first_with_their_number():
    text = said(row("x"), row("y"), row("z", NOISE))
    assert text.startswith("2 of 3 columns differ: x, y.\nx moved most: W1 = 2.000 (95 %: 1.00 to")
    assert "\ny: W1 = " in text
    assert "Within noise: z." in text


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([row("x"), row("y", NOISE)], "1 of 2 columns differs: x."),
        ([row("x"), row("y")], "All 2 columns differ: x, y."),
        ([row("x")], "The only column compared, x, differs."),
        ([row("x", NOISE)], "The only column compared, x, does not differ."),
        ([row("x", NOISE), row("y", NOISE)], "No column differs: 2 within noise."),
        (
            [row("x", NOISE), row("y", SAME), row("z", NOISE, effect=0.0)],
            "No column differs: 1 within noise, 1 the same within the tolerance, 1 the same in both"
            " tables.",
        ),
        ([row("x", None, effect=None, error="of lists")], "No column could be compared."),
        ([row("x", None)], "No verdicts: no relabelling was drawn."),
    ],
)
def test_the_outcome_is_one_plain_sentence(rows, sentence):
    text = said(*rows)
    assert text.splitlines()[0] == sentence
    if not sentence.startswith(("1 of", "All")):
        assert "moved most" not in text


def test_nothing_moved_most_where_nothing_differs_but_effects_are_told_without_tests():
    assert "moved most" not in said(row("x", NOISE), row("y", SAME))
    text = said(row("x", None), row("y", None), n_permutations=0)
    assert "x moved most: W1 = 2.000" in text
    assert "Verdicts" not in text


@pytest.mark.parametrize(
    ("moves", "phrase"),
    [
        ((5, 5, 5, 5, 5), "all quantiles up by 5 min"),
        ((-5, -5.2, -5.5, -5.3, -5), "all quantiles down by 5 to 5.5 min"),
        ((1, 1, 2, 15, 49), "all quantiles up, most: 95 % quantile +49 min (14 → 63), 75 % "),
        ((0, 0, 0, 1, 3), "2 of 5 quantiles up, most: 95 % quantile +3 min (14 → 17), 75 %"),
        ((0, 0, 0, 0, 9), "only the upper tail moved: 95 % quantile +9 min (14 → 23)"),
        ((-9, 0, 0, 0, 0), "only the lower tail moved: 5 % quantile -9 min (10 → 1)"),
        ((-9, 0, 0, 0, 9), "only the tails moved: 5 % quantile -9 min (10 → 1), 95 % quantile +9"),
        ((-3, -2, 0, 2, 4), "spread out: 95 % quantile +4 min (14 → 18), 5 % quantile -3 min"),
        ((3, 2, 0, -2, -4), "drawn together: 95 % quantile -4 min (14 → 10), 5 % quantile +3"),
        ((0, 0, 0, 0, 0), "none of the quantiles from 5 % to 95 % moved"),
        ((0, 0, 7, 0, 0), "50 % quantile +7 min (12 → 19)"),
    ],
)
def test_quantiles_say_where_the_column_moved(moves, phrase):
    assert moved(*map(float, moves), unit="min").startswith(phrase)


def test_the_mean_is_told_where_it_moved():
    known = {"mean_difference": -11.694, "unit": "min"}
    assert movement(row(shift_share=0.99, **known)) == "mean down by 11.69 min"
    assert movement(row(shift_share=0.01, **known)) == "the mean hardly moved"


def test_quantiles_without_places_tell_their_moves():
    told = quantiles(1.0, 0.0, 0.0, 0.0, 0.0)
    bare = [type(one)(level=one.level, a=None, b=None, difference=one.difference) for one in told]
    text = movement(row(quantiles=tuple(bare), unit="d"))
    assert text == "only the lower tail moved: 5 % quantile +1 d"


def test_categories_say_which_moved_came_and_went():
    text = movement(
        category(
            distributions=shares(
                u=(0.3, 0.5), v=(0.4, 0.25), w=(0.2, 0.0), z=(0.0, 0.15), t=(0.1,) * 2
            )
        )
    )
    assert text == (
        "u 30.0 % → 50.0 %, v 40.0 % → 25.0 %; new category: z (15.0 %); vanished category:"
        " w (20.0 %)"
    )


def test_long_lists_of_categories_are_cut():
    both = {f"n{k:02}": (0.0, 1.0 / 15) for k in range(15)}
    text = movement(category(distributions=shares(old=(1.0, 0.0), **both)))
    assert "new categories: n00 (6.7 %), n01 (6.7 %), n02 (6.7 %) and 12 more" in text


def test_of_two_categories_one_says_it_all():
    both = shares(yes=(0.4, 0.6), no=(0.6, 0.4))
    assert movement(category(distributions=both)) == "yes 40.0 % → 60.0 %"


def test_missing_values_have_a_sentence_of_their_own():
    text = said(row("dep_delay", NOISE, **missing(0.019, 0.51)), row("x", NOISE))
    assert "1 of 2 columns differs: dep_delay." in text
    assert "\ndep_delay: missing 1.9 % → 51.0 %." in text
    text = said(row("x", NOISE, **missing(0.02, 0.03, LITTLE, tolerance=0.05)))
    assert "x: missing 2.0 % → 3.0 %, less than 5.0 % apart." in text


def test_many_missing_rates_are_cut():
    rows = [row(f"x{k}", NOISE, **missing(0.1, 0.2)) for k in range(9)]
    assert "x3: missing 10.0 % → 20.0 %; and 5 more columns." in said(*rows)


def test_columns_are_not_the_same_where_rates_of_missing_values_differ():
    equal = {"effect": 0.0}
    assert "The same in both tables: x." in said(row("x", NOISE, **equal), row("y"))
    for verdict in (NOISE, Verdict.DIFFERS):
        text = said(row("x", NOISE, **equal, **missing(0.0, 0.5, verdict)), row("y"))
        assert "The same in both" not in text


def test_tolerances_are_told_in_the_columns_unit():
    quiet = evidence(SAME, at_most=3.2, tolerance=5.0)
    loud = evidence(LITTLE, at_most=3.2, tolerance=5.0)
    assert "x: same within 5 min (at most 3.2 min)." in said(row(unit="min", evidence=quiet))
    text = said(row(unit="min", evidence=loud))
    assert "x differs, by less than 5 min: W1 = 2.000 min" in text
    few = evidence(LITTLE, at_most=0.25, tolerance=0.3)
    assert "c differs, by less than 30 %: TV = 20.00 %" in said(category(evidence=few))


def test_too_few_relabellings_are_told_and_are_no_noise():
    short = evidence(NOISE, is_limited=True)
    text = said(row("x", evidence=short), row("y", NOISE))
    assert (
        "x: none of 9,999 relabellings reached the effect; more (--permutations) could tell."
    ) in text
    assert "Within noise: y." in text
    text = said(row("x", NOISE, **missing(0.1, 0.3, NOISE, is_limited=True)), n_permutations=1)
    assert "missing values of x: none of 1 relabelling reached" in text


def test_identifiers_and_free_text_are_named_as_such():
    text = said(
        row("id", None, effect=None, left_out="identifiers"),
        row("note", None, effect=None, left_out="free text"),
        row("x", NOISE),
    )
    assert "Identifiers, not compared: id." in text
    assert "Free text, not compared: note." in text


def test_long_lists_of_columns_are_cut():
    text = said(*(row(f"x{k:02}", NOISE) for k in range(20)), only_b=[f"y{k}" for k in range(20)])
    assert "Within noise: x00, x01, x02, x03, x04, x05, x06, x07 and 12 more." in text
    assert "y7 and 12 more." in text
    text = said(*(row(f"x{k:02}") for k in range(20)))
    assert text.count("W1 = ") == 8
    assert "Smaller differences: x08, x09" in text


def test_failures_of_one_reason_share_a_sentence():
    failed = [row(f"x{k}", None, effect=None, error="of lists in A") for k in range(3)]
    assert "x0, x1, x2 could not be compared: of lists in A." in said(*failed, row("y"))
    failed = [row(f"x{k}", None, effect=None, error=f"reason {k}") for k in range(6)]
    text = said(*failed, row("y"))
    assert "x3 could not be compared: reason 3." in text
    assert "x4, x5 could not be compared either." in text


def test_other_kinds_in_b_are_told():
    text = said(row(kind_a="ordered categories", kind_b="categories"))
    assert "Of another kind in B: x (ordered categories → categories)." in text


def test_alike_neighbours_warn_of_p_values():
    text = said(row("x", neighbours=0.97), row("y", neighbours=0.2))
    assert "Neighbouring rows are alike in x (0.97), y (0.20): p-values take rows for" in text
    assert "--blocks" in text
    assert "--blocks" not in said(row("x"))


def test_notes_of_intervals_are_told_once_for_all_columns_that_have_them():
    noted = evidence(notes=("with heavy tails its length is that of a handful of rows",))
    text = said(*(row(name, evidence=noted) for name in "xyz"))
    assert "Intervals of x, y, z: with heavy tails its length is that of a handful of rows." in text
    text = said(*(row(name, evidence=evidence(notes=(f"note {name}",))) for name in "xyz"))
    assert "Interval of x: note x." in text
    assert "Intervals with a note of their own (in the HTML report): z." in text


def test_the_last_line_says_level_correction_and_what_is_exchanged():
    text = said(row(), level=0.9, correction="holm", exchanged="blocks of rows with one day")
    assert text.splitlines()[-1] == (
        "Verdicts at 90 %, corrected for their number (Holm); noise and p-values exchange blocks of"
        " rows with one day; 9,999 relabellings at most."
    )
    assert "not corrected for their number" in said(row(), correction="none")


def joint(**fields):
    given = {"n_a": 100, "n_b": 100, "sample_a": 100, "sample_b": 100, "n_projections": 100}
    return JointComparison(columns=("x", "y"), **given | fields)


def test_the_joint_sentence_has_number_verdict_and_drivers():
    drivers = (Driver(column="x", share=0.61), Driver(column="y", share=0.39))
    found = joint(
        effect=0.16,
        standard_error=0.009,
        evidence=evidence(Verdict.DIFFERS),
        drivers=drivers,
        driver_rows=(2000, 2000),
    )
    text = said(row(), joint=found)
    assert "Jointly, sliced W1 of x, y: 0.160 sd ± 0.009, differs (p = 0.001)" in text
    assert "Drivers: x 61 %, y 39 % of W2² between 2,000 rows each." in text
    text = said(row(), joint=joint(error="no row of A has all of these columns"))
    assert "Jointly (x, y): not compared, no row of A has all of these columns." in text


def test_small_drivers_are_not_nothing_and_many_are_cut():
    drivers = tuple(Driver(column=f"x{k}", share=share) for k, share in enumerate([0.996, 0.004]))
    assert "x1 <1 %" in said(row(), joint=joint(effect=0.2, drivers=drivers, driver_rows=(9, 8)))
    drivers = tuple(Driver(column=f"x{k}", share=0.1) for k in range(10))
    text = said(row(), joint=joint(effect=0.2, drivers=drivers, driver_rows=(1, 1)))
    assert "x3 10 %, … of W2² between 1 row each." in text


def test_singulars_where_there_is_one():
    whole = report(row(), rows_a=1, rows_b=1, n_permutations=1)
    for text in (str(whole), whole.to_summary(), repr(whole)):
        assert "1 row" in text
        assert not re.search(r"\b1 (rows|columns|relabellings|categories)\b", text)


def test_a_report_and_its_parts_have_short_reprs():
    rows = [row(f"x{k}") for k in range(200)]
    whole = report(*rows, name_a="d/january.csv", name_b="d/july.csv", rows_a=27004)
    assert repr(whole) == (
        "TableReport(A: 'january' 27,004 rows, B: 'july' 100 rows; 200 of 200 columns differ,"
        " largest x0 W1 = 2.000)"
    )
    assert repr(row("x", NOISE, unit="min")) == (
        "ColumnComparison('x': numbers, W1 = 2.000 min, within noise)"
    )
    assert repr(shares(u=(0.5, 1.0), v=(0.5, 0.0))) == "Frequencies(2 categories)"
    assert repr(joint(effect=0.16)) == "JointComparison(2 columns; 0.1600 sd)"
    assert "none of 1 column differs" in repr(report(row("x", NOISE)))
    assert "first x" in repr(report(row("x", NOISE, **missing(0.0, 0.5))))
    assert "nothing tested" in repr(report(row("x", None)))


@pytest.mark.parametrize("name", ["x" * 10_000, "\x1b[31m\n"])
def test_reprs_are_one_short_line_whatever_names_are(name):
    for text in (repr(report(row(name), name_a=name)), repr(row(name))):
        assert text.isprintable()
        assert len(text) < 200


def test_a_summary_has_the_outcome_what_differs_and_the_rest_folded():
    rows = [row(f"x{k:02}") for k in range(12)] + [row("quiet", NOISE)]
    text = report(*rows, name_a="2023/f.csv", name_b="2024/f.csv").to_summary("schema: x was lost")
    above, _, folded = text.partition("<details>")
    assert above.startswith("**12 of 13 columns differ: x00, x01")
    assert "A: `2023/f` (100 rows), B: `2024/f` (100 rows)\n\nschema: x was lost\n" in above
    assert "| x09 " in above
    assert "| x10 " not in above
    assert "2 more columns differ; they are below." in above
    assert "| quiet " in folded
    assert folded.rstrip().endswith("</details>")


def test_a_summary_of_no_difference_has_no_table_above_the_fold():
    above = report(row("x", NOISE), row("y", NOISE)).to_summary().partition("<details>")[0]
    assert above.startswith("**No column differs: 2 within noise**")
    assert "|" not in above


def test_a_summary_shows_strange_names_as_they_are():
    name = "<script>|" + "y" * 200
    text = report(row(name, unit="</details>"), name_a="`<b>`").to_summary("<img>")
    assert "<script>" not in text
    assert "<img>" not in text
    assert text.count("</details>") == 1
    assert "y" * 100 not in text
    assert "…" in text
