"""The catalogue is complete, and says where its statements are found."""

import re

import pytest

from otdiv.theory import claims, topics

TABLE = claims()


def items_of(claim):
    return {claim.item, *claim.also}


def test_no_item_is_left_out():
    items = set().union(*map(items_of, TABLE.values()))
    assert items == set(range(1, len(items) + 1))
    assert len(items) >= 82


def test_every_item_is_tested_or_says_why_not():
    tested = set().union(*(items_of(claim) for claim in TABLE.values() if claim.check))
    assert set().union(*map(items_of, TABLE.values())) - tested == {73}
    for claim in TABLE.values():
        assert (claim.check is None) == bool(claim.reason) == (claim.cases is None)


@pytest.mark.parametrize(
    "name",
    [
        "example-1-w1",
        "example-1-js-tv-kl",
        "six-boxes",
        "two-boxes",
        "warehouse",
        "optimal-discriminator",
        "generator-criterion",
        "non-saturating-gradient",
        "corollary-1",
        "corollary-1-any-activation",
        "chain-of-topologies",
        "tv-below-root-js-sharp",
        "kantorovich-rubinstein",
        "herrmann-351-497",
        "theorem-3",
        "theorem-4-1",
    ],
)
def test_what_the_texts_are_known_for_is_there_by_name(name):
    assert name in TABLE


@pytest.mark.parametrize("claim", TABLE.values(), ids=list(TABLE))
def test_entry_reads_well(claim):
    assert re.fullmatch(r"[a-z0-9-]+", claim.id)
    assert "\n" not in claim.statement
    assert claim.title[0].isupper()
    assert claim.source.text
    assert claim.topic in topics()
    for text in (claim.statement, claim.correction, claim.reason, str(claim.source), claim.title):
        assert not re.search(r"\bS[0-4]\b|\.txt|\bseed 0|/work|\bL\d{2,3}\b", text), text


def test_a_false_statement_says_what_is_true():
    for claim in TABLE.values():
        if not claim.holds:
            assert claim.correction, claim.id


def test_statistics_and_rates_have_a_budget():
    for claim in TABLE.values():
        if claim.kind is not None and claim.kind.value in ("rate", "statistical"):
            assert claim.budget is not None, claim.id


@pytest.mark.parametrize("printed", [c for c in TABLE if c.endswith("-as-printed")])
def test_a_misprint_stands_beside_a_true_statement_on_the_same_item(printed):
    items = items_of(TABLE[printed])
    assert any(claim.holds and claim.check and items & items_of(claim) for claim in TABLE.values())
