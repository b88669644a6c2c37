import numpy as np
import pytest

from otdiv import InvalidInputError, wasserstein1
from otdiv.critics import (
    Adam,
    Architecture,
    Critic,
    CTransform,
    FitStatus,
    GradientPenalty,
    LipschitzPenalty,
    MaxMin,
    Orthonormal,
    SpectralNormalization,
    Unconstrained,
    WeightClipping,
    fit_critic,
)

SMALL = Architecture((16, 16))


@pytest.fixture(scope="module")
def samples():
    rng = np.random.default_rng(0)
    y = rng.standard_normal((200, 2))
    # A translation: W1 is its length, whatever the sample.
    return y + np.array([1.5, 2.0]), y


@pytest.mark.parametrize(
    "constraint",
    [
        GradientPenalty(50.0),
        LipschitzPenalty(50.0),
        Orthonormal(),
        CTransform(),
        CTransform(safeguard=True),
    ],
    ids=repr,
)
def test_fits_of_a_translation_prove_its_length(samples, constraint):
    fit = fit_critic(
        *samples,
        network=Architecture((16, 16), constraint.activation),
        constraint=constraint,
        max_iterations=600,
        rng=0,
    )
    assert fit.status is FitStatus.FINISHED
    # A critic of one direction proves all of it; 3 % are left to 600 steps of training.
    assert 0.97 * 2.5 <= fit.bounds.lower <= 2.5 * (1.0 + 1e-12)
    assert fit.bounds.upper >= 2.5 * (1.0 - 1e-12)


def test_clipped_critics_need_the_division_by_their_constant(samples):
    fit = fit_critic(
        *samples, network=SMALL, constraint=WeightClipping(0.01), max_iterations=300, rng=0
    )
    assert fit.raw < 0.1
    assert fit.lipschitz < 0.1
    assert fit.bounds.lower > 1.0


def test_the_same_seed_gives_the_same_fit(samples):
    first, second = (
        fit_critic(*samples, network=SMALL, max_iterations=40, rng=3) for _ in range(2)
    )
    np.testing.assert_array_equal(first.critic.network.parameters, second.critic.network.parameters)
    assert first.bounds == second.bounds
    other = fit_critic(*samples, network=SMALL, max_iterations=40, rng=4)
    assert other.raw != first.raw


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_fits_do_not_depend_on_the_unit_or_the_origin(samples, scale):
    x, y = samples
    fit = fit_critic(
        scale * (x + 5.0),
        scale * (y + 5.0),
        network=SMALL,
        max_iterations=200,
        rng=0,
    )
    unit = fit_critic(x, y, network=SMALL, max_iterations=200, rng=0)
    # Rounding of float32 batches grows along 200 steps.
    assert fit.raw == pytest.approx(scale * unit.raw, rel=1e-2)


def test_a_diverging_fit_keeps_the_last_finite_critic_and_names_the_cause(samples):
    fit = fit_critic(
        *samples,
        network=SMALL,
        constraint=Unconstrained(),
        optimizer=Adam(learning_rate=10.0),
        max_iterations=400,
        rng=0,
    )
    assert fit.status is FitStatus.DIVERGED
    assert "exploded" in fit.cause or "finite" in fit.cause
    assert np.isfinite(fit(samples[0])).all()
    assert fit.bounds.lower <= 2.5 * (1.0 + 1e-12)
    assert fit.n_iterations < 400


@pytest.mark.parametrize("constraint", [SpectralNormalization(), Orthonormal()], ids=repr)
def test_an_overflowing_step_is_a_status_too(samples, constraint):
    fit = fit_critic(
        *samples,
        network=SMALL,
        constraint=constraint,
        optimizer=Adam(learning_rate=1e30),
        max_iterations=60,
        rng=0,
    )
    assert fit.status in (FitStatus.DIVERGED, FitStatus.FINISHED)
    assert np.isfinite(fit.raw)
    assert fit.bounds.lower <= 2.5 * (1.0 + 1e-12)


def test_the_callback_sees_progress_and_stops(samples):
    seen = []

    def callback(progress):
        seen.append(progress)
        return progress.iteration >= 60

    fit = fit_critic(*samples, network=SMALL, max_iterations=200, rng=0, callback=callback)
    assert fit.status is FitStatus.STOPPED
    assert fit.n_iterations == 60
    assert [progress.iteration for progress in seen] == [20, 40, 60]
    assert fit.history.raw.shape == (60,)
    assert seen[-1].raw == pytest.approx(fit.history.raw[40:60].mean())


def test_weights_say_how_often_an_atom_counts():
    x, y = [[1.0], [5.0]], [[0.0]]
    fit = fit_critic(
        x, y, x_weights=[3.0, 1.0], network=SMALL, max_iterations=400, batch_size=32, rng=0
    )
    # W1 = (3 * 1 + 1 * 5) / 4
    assert 0.97 * 2.0 <= fit.bounds.lower <= 2.0 * (1.0 + 1e-12)
    assert fit.bounds.upper == pytest.approx(2.0)


def test_equal_samples_have_lower_bound_zero():
    x = np.random.default_rng(1).standard_normal((30, 2))
    fit = fit_critic(x, x, network=SMALL, max_iterations=50, rng=0)
    assert fit.bounds.lower == 0.0
    constant = fit_critic(np.ones((3, 2)), np.ones((2, 2)), network=SMALL, max_iterations=20, rng=0)
    assert constant.bounds.lower == constant.bounds.upper == 0.0


def test_a_saved_critic_is_loaded_bit_for_bit(samples, tmp_path):
    fit = fit_critic(*samples, network=SMALL, max_iterations=20, rng=0)
    fit.critic.save(tmp_path / "critic.npz")
    loaded = Critic.load(tmp_path / "critic.npz")
    np.testing.assert_array_equal(loaded(samples[0]), fit(samples[0]))
    np.testing.assert_array_equal(loaded.gradient(samples[0]), fit.critic.gradient(samples[0]))


def test_bad_samples_are_named():
    with pytest.raises(InvalidInputError, match="`x` must be finite; got nan at index"):
        fit_critic([[np.nan, 1.0]], [[0.0, 0.0]])
    with pytest.raises(InvalidInputError, match="`y` must have 2 columns; got 3"):
        fit_critic(np.zeros((2, 2)), np.zeros((2, 3)))


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("network", (64, 64)),
        ("constraint", "clip"),
        ("constraint", Orthonormal),
        ("optimizer", Adam),
    ],
)
def test_options_are_objects_not_names_or_classes(option, value):
    with pytest.raises(InvalidInputError, match=f"`{option}` must be an"):
        fit_critic([0.0], [1.0], **{option: value})


def test_plot_draws_the_critic():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    x, y = np.linspace(1.0, 2.0, 20), np.linspace(0.0, 1.0, 20)
    fit = fit_critic(x, y, network=Architecture((4,)), max_iterations=2, rng=0)
    _, ax = pyplot.subplots()
    assert fit.plot(x, y, ax=ax) is ax
    assert ax.has_data()
    pyplot.close("all")


@pytest.mark.slow
def test_an_orthonormal_critic_proves_nearly_all_of_w1_by_its_raw_value():
    rng = np.random.default_rng(0)
    # Parts of a cloud that move in three directions: no plain slope is a potential.
    angles = rng.integers(3, size=300) * (2.0 * np.pi / 3.0)
    x = rng.standard_normal((300, 2))
    y = rng.standard_normal((300, 2)) + 3.0 * np.column_stack([np.cos(angles), np.sin(angles)])
    fit = fit_critic(
        x,
        y,
        network=Architecture((64, 64, 64), MaxMin()),
        constraint=Orthonormal(),
        max_iterations=150,
        batch_size=64,
        rng=0,
    )
    exact = wasserstein1(x, y)
    # Measured on four seeds: 98.7 to 99.1 %; without the projection of gradients 93.5 to 95.2 %.
    assert 0.97 * exact <= fit.raw / fit.lipschitz <= exact
