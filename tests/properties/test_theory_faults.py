"""Faults planted in the functions that the claims use are found by a claim."""

import math

import numpy as np
import pytest

from otdiv import critics, distances, divergences
from otdiv.theory import Verdict, claims, run_claim

TABLE = claims()
EXAMPLES = 100


def caught_by(names):
    """Claims among `names` that a planted fault breaks."""
    outcomes = [run_claim(TABLE[name], examples=EXAMPLES) for name in names]
    return [outcome for outcome in outcomes if outcome.verdict is Verdict.VIOLATED]


def plant(monkeypatch, package, name, faulty):
    original = getattr(package, name)
    monkeypatch.setattr(package, name, lambda *a, **k: faulty(original, *a, **k))


def test_js_without_its_half_is_caught(monkeypatch):
    plant(monkeypatch, divergences, "js_divergence", lambda js, *a: 2.0 * js(*a))
    assert len(caught_by(["js-range", "js-entropies", "generator-criterion"])) == 3


def test_tv_doubled_is_caught(monkeypatch):
    plant(monkeypatch, divergences, "total_variation", lambda tv, *a: 2.0 * tv(*a))
    names = ["tv-is-the-largest-difference", "tv-below-root-js-sharp", "discrete-metric"]
    assert len(caught_by(names)) == 3


def test_kl_in_the_other_direction_is_caught(monkeypatch):
    plant(monkeypatch, divergences, "kl_divergence", lambda kl, p, q: kl(q, p))
    assert caught_by(["kl-definition"])


def test_kl_that_forgets_the_support_is_caught(monkeypatch):
    def finite(kl, p, q):
        value = kl(p, q)
        return 0.0 if np.ndim(value) == 0 and math.isinf(value) else value

    plant(monkeypatch, divergences, "kl_divergence", finite)
    assert caught_by(["kl-off-the-support"])


def test_w2_without_its_root_is_caught(monkeypatch):
    plant(monkeypatch, distances, "wasserstein2", lambda w, *a: w(*a) ** 2)
    assert len(caught_by(["wasserstein-scales", "wasserstein-triangle"])) == 2


def test_w1_off_by_a_millionth_is_caught(monkeypatch):
    plant(monkeypatch, distances, "wasserstein1", lambda w, *a, **k: (1.0 + 1e-6) * w(*a, **k))
    names = ["example-1-w1", "kantorovich-rubinstein", "herrmann-351-497", "distance-to-a-point"]
    assert len(caught_by(names)) == 4


def test_w1_with_another_norm_is_caught(monkeypatch):
    def cityblock(w, x, y, **options):
        return w(x, y, **options | {"metric": "cityblock"})

    plant(monkeypatch, distances, "wasserstein1", cityblock)
    assert caught_by(["kantorovich-rubinstein"])


def test_gradient_penalty_without_the_square_is_caught(monkeypatch):
    original = critics.CriticPass.backward

    def linear(self, coefficients, gradient, *, weight=0.0, one_sided=False):
        _, mean_norm = original(self, coefficients, gradient, weight=weight, one_sided=one_sided)
        return weight * abs(mean_norm - 1.0), mean_norm

    monkeypatch.setattr(critics.CriticPass, "backward", linear)
    assert caught_by(["gradient-penalty"])


def test_gradient_of_the_penalty_without_the_two_is_caught(monkeypatch):
    original = critics.CriticPass.backward

    def halved(self, coefficients, gradient, **options):
        found = original(self, coefficients, gradient, **options)
        gradient *= 0.5
        return found

    monkeypatch.setattr(critics.CriticPass, "backward", halved)
    assert caught_by(["penalty-derivative"])


@pytest.mark.parametrize("order", [1, np.inf, "max"])
def test_critic_bound_with_the_wrong_norm_is_caught(monkeypatch, order):
    def wrong(network):
        norms = [
            np.abs(w).max() if order == "max" else np.linalg.norm(w, ord=order)
            for w in network.weights
        ]
        return float(np.prod(norms))

    monkeypatch.setattr(critics, "lipschitz_bound", wrong)
    names = ["universal-weak-duality", "spectral-norms-bound-slopes", "affine-pair-is-exact"]
    assert caught_by(names)


def test_clipping_at_the_wrong_place_is_caught(monkeypatch):
    original = critics.WeightClipping
    monkeypatch.setattr(critics, "WeightClipping", lambda bound: original(2.0 * bound))
    assert caught_by(["clipping-projects"])
