"""What running a claim reports, and the report of many."""

import dataclasses
import json
import math

import numpy as np
import pytest
from hypothesis import strategies as st

from otdiv import DiscreteMeasure, InvalidInputError
from otdiv.theory import Claim, Kind, Source, Verdict, claims, run_claim, verify
from otdiv.theory.rendering import as_code
from otdiv.theory.slacks import at_most, condition, equal, within


def claim(check, **changes):
    fields = {
        "id": "test",
        "title": "Test",
        "statement": "k < 10",
        "source": Source("Nobody"),
        "item": 1,
        "topic": "entropy",
        "kind": Kind.INEQUALITY,
        "cases": lambda: st.integers(0, 1000),
        "check": check,
    }
    return Claim(**fields | changes)


def test_a_true_statement_is_held_with_its_worst_slack():
    outcome = run_claim(claim(lambda k: 1.0 + k), examples=50)
    assert outcome.verdict is Verdict.HELD
    assert outcome.worst_slack >= 1.0
    assert outcome.n_cases == 50


def test_a_broken_statement_is_shrunk_to_its_smallest_case():
    outcome = run_claim(claim(lambda k: 9.5 - k), examples=200)
    assert outcome.verdict is Verdict.VIOLATED
    assert not outcome.as_expected
    assert outcome.violation.case == 10
    assert outcome.worst_slack == -0.5


def test_nan_breaks_a_statement():
    assert run_claim(claim(lambda k: math.nan), examples=5).verdict is Verdict.VIOLATED


def test_a_false_statement_must_be_refuted():
    assert run_claim(claim(lambda k: 9.5 - k, holds=False)).verdict is Verdict.REFUTED
    outcome = run_claim(claim(lambda k: 1.0, holds=False), examples=20)
    assert outcome.verdict is Verdict.NOT_REFUTED
    assert not outcome.as_expected


def test_a_witness_is_tried_first():
    outcome = run_claim(claim(lambda k: 9.5 - k, holds=False, witnesses=(77,)))
    assert outcome.violation.case == 77
    assert outcome.n_cases == 1


def test_a_crash_is_an_outcome_with_its_case():
    def check(k):
        raise ZeroDivisionError("by design")

    for holds in (True, False):
        outcome = run_claim(claim(check, holds=holds), examples=5)
        assert outcome.verdict is Verdict.VIOLATED
        assert outcome.error == "ZeroDivisionError: by design"
        assert "case = 0" in outcome.violation.code


def test_a_reason_is_not_run():
    outcome = run_claim(claim(None, cases=None, kind=None, reason="no number in it"))
    assert outcome.verdict is Verdict.SKIPPED
    assert outcome.as_expected


def test_a_budget_replaces_the_examples():
    assert run_claim(claim(lambda k: 1.0, budget=7), examples=100).n_cases == 7


def test_the_same_seed_draws_the_same_cases():
    def cases_of(seed):
        seen = []
        run_claim(claim(lambda k: seen.append(k) or 1.0), examples=30, seed=seed)
        return seen

    assert cases_of(1) == cases_of(1) != cases_of(2)


def test_a_stop_interrupts():
    with pytest.raises(KeyboardInterrupt):
        run_claim(claim(lambda k: 1.0), stop=lambda: True)


def test_an_interruption_behind_another_failure_interrupts():
    def cases():
        try:
            raise KeyboardInterrupt
        finally:
            raise RuntimeError("stumbled while cleaning up")

    with pytest.raises(KeyboardInterrupt):
        run_claim(claim(lambda k: 1.0, cases=cases))


@pytest.mark.parametrize(("wrong", "text"), [("x", "`claim`"), (None, "`claim`")])
def test_no_claim_is_an_error(wrong, text):
    with pytest.raises(InvalidInputError, match=text):
        run_claim(wrong)


def test_a_case_prints_as_a_program():
    measure = DiscreteMeasure(points=[[0.5, 1.0]], weights=[2.0])
    case = ((measure, np.float64(-0.0)), np.array([1.0, np.inf]), [3, "relu"], (True,), math.nan)
    names = {"DiscreteMeasure": DiscreteMeasure, "array": np.array}
    again = eval(as_code(case), names)  # what a reader would paste
    assert np.array_equal(again[0][0].points, measure.points)
    assert again[0][0].weights == measure.weights
    assert math.copysign(1.0, again[0][1]) == -1.0
    assert again[1].tolist() == [1.0, math.inf]
    assert again[2:4] == ([3, "relu"], (True,))
    assert math.isnan(again[4])


CHOSEN = ["pinsker", "kl-is-symmetric", "constraint-is-the-key"]


@pytest.fixture(scope="module")
def report():
    return verify(CHOSEN, examples=10)


def test_a_report_counts_verdicts(report):
    assert report.all_as_expected
    assert [report.count(v) for v in Verdict] == [1, 1, 0, 0, 1]
    assert "1 held, 1 false statements refuted, 1 not for a machine" in report.summary()


def test_json_is_strict_and_complete(report):
    content = json.loads(report.to_json(), parse_constant=lambda text: pytest.fail(text))
    assert [record["id"] for record in content["claims"]] == CHOSEN
    assert content["claims"][2]["worst_slack"] is None
    assert "kl-is-symmetric" in content["claims"][1]["counterexample"]


def test_markdown_has_statement_source_correction_and_slack(report):
    text = report.to_markdown()
    chosen = claims()["kl-is-symmetric"]
    for part in (
        chosen.title,
        chosen.statement,
        chosen.source.brief,
        chosen.correction,
        "```python",
    ):
        assert part in text
    assert "slack" in text
    assert "An interpretation" in text  # the reason of what was not run


def test_every_link_of_the_document_has_its_heading(report):
    from otdiv.theory.document import _anchor

    text = report.to_markdown()
    headings = (line.lstrip("#")[1:] for line in text.splitlines() if line.startswith("##"))
    anchors = [_anchor(heading) for heading in headings]
    assert len(set(anchors)) == len(anchors)
    for line in text.splitlines():
        if "](#" in line:
            assert line.split("](#")[1].split(")")[0] in anchors


@pytest.mark.slow
def test_a_topic_runs_its_chapter():
    report = verify(topics=["minibatches"], examples=1)
    assert {outcome.claim.topic for outcome in report.outcomes} == {"minibatches"}
    assert len(report.outcomes) > 8


def test_own_claims_run_too():
    own = claim(lambda k: 1.0)
    assert verify([own], examples=3).outcomes[0].claim is own


def test_cases_do_not_depend_on_which_claims_are_chosen():
    seen = []
    base = claims()["pinsker"]
    spy = dataclasses.replace(base, check=lambda case: seen.append(as_code(case)) or 1.0)
    verify([spy], examples=10, rng=3)
    alone, seen[:] = list(seen), []
    verify(["kl-definition", spy], examples=10, rng=3)
    assert seen == alone


def test_the_callback_sees_each_claim_and_may_stop():
    seen = []

    def callback(progress):
        seen.append((progress.done, progress.total, progress.claim and progress.claim.id))
        return progress.done == 2

    report = verify(CHOSEN, examples=3, callback=callback)
    assert seen == [(k, 3, name) for k, name in enumerate(CHOSEN)]
    assert len(report.outcomes) == 2


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"claims": ["pinskr"]}, "did you mean pinsker"),
        ({"claims": "pinsker"}, "be a list of names"),
        ({"topics": ["nothing"]}, "be among entropy"),
        ({"examples": 0}, "`examples` must be at least 1"),
        ({"callback": 3}, "`callback` must be callable"),
    ],
)
def test_wrong_arguments_name_themselves(arguments, text):
    with pytest.raises(InvalidInputError, match=text):
        verify(**arguments)


def test_a_nan_on_either_side_is_no_slack():
    # min(1.0, nan) is 1.0 in Python, so a NaN must not come out of a slack.
    for slack in (
        at_most(math.nan, 1.0),
        at_most(1.0, math.nan),
        equal(math.nan, 1.0),
        within(math.nan, 0.0, 1.0),
    ):
        assert min(1.0, slack) == -math.inf


def test_a_side_condition_hides_nothing():
    assert condition(0.0) == 1.0
    assert condition(-0.25) == -0.25


def test_the_document_lists_each_text_once_and_names_it_shortly():
    text = verify(["pinsker", "kl-is-symmetric"], examples=5).to_markdown()
    assert text.count("doi:10.12677/aam.2025.145286") == 1
    assert "*Source.* Zhang (2025), theorem 3.2 (3), (3.25)." in text
    assert "- **Zhang (2025)**: Zhang Huiling (2025)," in text


def test_the_document_gathers_what_the_texts_print_wrongly():
    text = verify(["optimal-discriminator-as-printed", "pinsker"], examples=5).to_markdown()
    link = "[The optimal discriminator, as printed](#the-optimal-discriminator-as-printed)"
    assert f"- Zhang (2025), (2.3): {link}\n" in text


def test_headings_of_the_catalogue_are_told_apart():
    titles = [claim.title for claim in claims().values()]
    assert len(set(titles)) == len(titles)


def test_the_document_shows_what_a_counterexample_prints():
    text = verify(["js-is-a-metric"], examples=5).to_markdown()
    assert ".check(case))  # -0.377" in text
