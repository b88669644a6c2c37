"""Every claim of the catalogue runs, and comes out as it should."""

import zlib

import pytest

from otdiv.theory import claims, run_claim

TABLE = claims()
EXAMPLES = 20


@pytest.mark.parametrize("name", [name for name, claim in TABLE.items() if not claim.reason])
def test_claim_comes_out_as_it_should(name):
    outcome = run_claim(TABLE[name], examples=EXAMPLES, seed=zlib.crc32(name.encode()))
    shown = "" if outcome.violation is None else f"\n{outcome.violation.code}"
    assert outcome.as_expected, f"{outcome.verdict.value}; {outcome.error}{shown}"


def test_a_refuted_statement_shows_a_program_that_refutes_it(capsys):
    for name in ("kl-is-symmetric", "any-lipschitz-function-as-printed", "plans-differ-in-cost"):
        outcome = run_claim(TABLE[name], examples=EXAMPLES)
        exec(outcome.violation.code, {})  # the program that a reader would paste
        assert float(capsys.readouterr().out) < 0.0
