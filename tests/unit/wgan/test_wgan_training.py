"""Training runs: what they measure, and that they can be repeated, broken off and continued."""

from dataclasses import replace

import numpy as np
import pytest

from otdiv import InvalidInputError, wasserstein1
from otdiv.critics import (
    Adam,
    Architecture,
    CTransform,
    EntropicCTransform,
    GradientPenalty,
    LipschitzPenalty,
    Orthonormal,
    RMSProp,
    SpectralNormalization,
    Unconstrained,
    WeightClipping,
)
from otdiv.wgan import (
    CriticSteps,
    LateWeightClipping,
    MinimaxGAN,
    NonSaturatingGAN,
    TrainingStatus,
    WassersteinGAN,
    digits,
    gaussians_8,
    gaussians_25,
    parallel_lines,
    small,
    swiss_roll,
    train,
    wgan_2017,
    wgan_2017_code,
    wgan_gp_2017,
    wgan_gp_2017_code,
    wgan_lp_2018,
)

pytestmark = pytest.mark.slow

LOSSES = [
    MinimaxGAN(),
    NonSaturatingGAN(),
    NonSaturatingGAN(SpectralNormalization()),
    *(
        WassersteinGAN(constraint)
        for constraint in (
            WeightClipping(),
            LateWeightClipping(),
            GradientPenalty(),
            LipschitzPenalty(),
            SpectralNormalization(),
            Orthonormal(),
            CTransform(),
            EntropicCTransform(),
        )
    ),
]


def tiny(loss=None, **changes):
    recipe = replace(
        small(loss=loss or WassersteinGAN(GradientPenalty(1.0))),
        batch_size=32,
        critic_steps=CriticSteps(usual=2),
        n_steps=12,
    )
    shapes = {
        name: replace(getattr(recipe, name), hidden=(16, 16)) for name in ("generator", "critic")
    }
    return replace(recipe, **shapes, **changes)


def run(recipe=None, **options):
    options = {"log_every": 4, "n_held_out": 64, "rng": 0, **options}
    return train(gaussians_8(), recipe=recipe or tiny(), **options)


def assert_same(first, second):
    np.testing.assert_array_equal(
        first.generator.network.parameters, second.generator.network.parameters
    )
    np.testing.assert_array_equal(first.critic.parameters, second.critic.parameters)
    for name in ("step", "critic_loss", "penalty", "generator_loss", "w1", "share_good"):
        np.testing.assert_array_equal(getattr(first.history, name), getattr(second.history, name))
    assert first.w1_floor == second.w1_floor
    assert first.status is second.status


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_every_loss_trains(loss):
    training = run(tiny(loss))
    assert training.status is TrainingStatus.FINISHED
    assert np.isfinite(training.history.w1).all()
    assert np.isfinite(training.history.critic_loss[1:]).all()
    assert training.history.step.tolist() == [0, 4, 8, 12]


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_a_broken_run_resumes_to_the_same_numbers(loss, tmp_path):
    path = tmp_path / "checkpoint.npz"
    whole = run(tiny(loss))
    broken = run(tiny(loss), checkpoint=path, callback=lambda progress: progress.step >= 4)
    assert broken.status is TrainingStatus.STOPPED
    assert broken.n_steps == 4
    assert_same(run(tiny(loss), checkpoint=path, resume=True), whole)


def test_a_run_killed_in_the_middle_resumes_from_its_last_checkpoint(tmp_path):
    path = tmp_path / "checkpoint.npz"

    class KilledError(Exception):
        pass

    def kill(progress):
        if progress.step >= 8:
            raise KilledError

    with pytest.raises(KilledError):
        run(checkpoint=path, callback=kill)
    assert_same(run(checkpoint=path, resume=True), run())


def test_checkpoints_hold_no_pickles(tmp_path):
    path = tmp_path / "checkpoint.npz"
    run(checkpoint=path)
    with np.load(path, allow_pickle=False) as archive:
        assert all(archive[name].dtype.kind in "fiuU" for name in archive.files)
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint.npz"]


def test_the_same_seed_gives_the_same_run():
    assert_same(run(), run())
    other = run(rng=1)
    assert other.history.w1[-1] != run().history.w1[-1]


def test_a_generator_as_seed_is_as_good_as_an_int():
    assert_same(run(rng=np.random.default_rng(0)), run(rng=0))


def test_the_measurements_do_not_change_the_training():
    often, rarely = run(log_every=1), run(log_every=12)
    np.testing.assert_array_equal(
        often.generator.network.parameters, rarely.generator.network.parameters
    )


@pytest.mark.parametrize(
    "changes",
    [{"rng": 1}, {"recipe": tiny(n_steps=13)}, {"n_held_out": 65}, {"log_every": 3}],
    ids=str,
)
def test_a_checkpoint_of_another_run_is_refused(tmp_path, changes):
    path = tmp_path / "checkpoint.npz"
    run(checkpoint=path)
    with pytest.raises(InvalidInputError, match="checkpoint"):
        run(**{"checkpoint": path, "resume": True, **changes})


def test_a_checkpoint_of_other_data_is_refused(tmp_path):
    path = tmp_path / "checkpoint.npz"
    run(checkpoint=path)
    with pytest.raises(InvalidInputError, match="data"):
        train(
            gaussians_8(noise=0.1),
            recipe=tiny(),
            log_every=4,
            n_held_out=64,
            rng=0,
            checkpoint=path,
            resume=True,
        )


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path):
    path = tmp_path / "checkpoint.npz"
    path.write_text("not an archive")
    with pytest.raises(InvalidInputError, match="checkpoint of `train`"):
        run(checkpoint=path, resume=True)


@pytest.mark.parametrize(
    "changes",
    [
        {"critic_optimizer": Adam(learning_rate=1e30)},
        {"generator_optimizer": RMSProp(learning_rate=1e30)},
        {"loss": WassersteinGAN(Unconstrained()), "critic_optimizer": Adam(learning_rate=3.0)},
    ],
    ids=["critic overflows", "generator overflows", "critic unconstrained"],
)
def test_a_diverging_run_says_so_and_keeps_a_finite_generator(tmp_path, changes):
    path = tmp_path / "checkpoint.npz"
    training = run(replace(tiny(n_steps=200), **changes), checkpoint=path)
    assert training.status is TrainingStatus.DIVERGED
    assert training.cause
    assert np.isfinite(training.generator.network.parameters).all()
    assert np.isfinite(training.history.w1).all()
    again = run(replace(tiny(n_steps=200), **changes), checkpoint=path, resume=True)
    assert (again.status, again.cause) == (training.status, training.cause)


def test_the_logged_distance_is_exact():
    """Twice the same points: the run measures the generator that it returns."""
    seen = []
    training = run(tiny(n_steps=4), callback=lambda progress: seen.append(progress.w1))
    assert training.history.w1[1:].tolist() == seen
    points = training.generator.sample(64, rng=5)
    fresh = wasserstein1(gaussians_8().sample(64, np.random.default_rng(6)), points)
    # Another sample of both: W1 of samples of 64 points fluctuates by some of the floor.
    assert fresh == pytest.approx(training.history.w1[-1], abs=3.0 * training.w1_floor)


def test_training_brings_the_generator_nearer():
    recipe = tiny(
        n_steps=150,
        decay_from=1.0,
        generator_optimizer=Adam(learning_rate=2e-3),
        critic_optimizer=Adam(learning_rate=5e-3),
        averaging=0.9,
    )
    training = train(parallel_lines(), recipe=recipe, log_every=50, n_held_out=200, rng=0)
    assert training.history.w1[-1] < 0.3 * training.history.w1[0]


@pytest.mark.parametrize(
    ("data", "share"),
    # 4 sigma in the plane leave exp(-8) outside; a hundredth of the digits is left outside.
    [
        (gaussians_8(), 0.999),
        (gaussians_25(), 0.999),
        (swiss_roll(), 0.999),
        (parallel_lines(), 1.0),
        (digits(), 0.97),
    ],
    ids=repr,
)
def test_real_samples_are_good_and_cover_all_modes(data, share):
    rng = np.random.default_rng(0)
    points = data.held_out(min(2000, data.largest_held_out or 2000), rng)
    quality = data.quality(points)
    assert quality.share_good >= share
    assert quality.n_covered == data.n_modes
    assert quality.mode_shares.sum() == pytest.approx(quality.share_good)


def test_collapsed_and_scattered_samples_are_told():
    data = gaussians_8()
    collapsed = np.tile(data.sample(1, np.random.default_rng(0)), (100, 1))
    assert data.quality(collapsed).n_covered == 1
    assert data.quality(np.zeros((100, 2))).share_good == 0.0


def test_held_out_digits_are_not_trained_on():
    data = digits()
    rng = np.random.default_rng(0)
    held_out = {row.tobytes() for row in data.held_out(500, rng)}
    drawn = {row.tobytes() for row in data.sample(5000, rng)}
    assert not held_out & drawn


def test_digits_train_against_their_held_out_half():
    training = train(digits(), recipe=tiny(n_steps=2), log_every=2, n_held_out=2000, rng=0)
    assert training.history.w1.shape == (2,)


def test_presets_hold_the_published_numbers():
    """Each differs from its paper where the published code does."""
    paper, code = wgan_2017(), wgan_2017_code()
    assert paper.loss.constraint.bound == code.loss.constraint.bound == 0.01
    assert paper.critic_optimizer == RMSProp(learning_rate=5e-5)
    assert (paper.batch_size, paper.critic_steps.at(0)) == (64, 5)
    assert [code.critic_steps.at(step) for step in (0, 24, 25, 499, 500)] == [100, 100, 5, 5, 100]
    assert isinstance(code.loss.constraint, LateWeightClipping)
    paper, code = wgan_gp_2017(), wgan_gp_2017_code()
    assert (paper.loss.constraint.weight, code.loss.constraint.weight) == (10.0, 0.1)
    assert paper.critic_optimizer == Adam(learning_rate=1e-4, beta1=0.0, beta2=0.9)
    assert code.generator_optimizer == Adam(learning_rate=1e-4, beta1=0.5, beta2=0.9)
    assert wgan_lp_2018().critic_steps.at(0) == 100


def test_late_clipping_leaves_the_box_by_one_step_only():
    late = run(tiny(WassersteinGAN(LateWeightClipping(0.01))))
    usual = run(tiny(WassersteinGAN(WeightClipping(0.01))))
    # Compared in float32, in which the bound is a little less than 0.01.
    bound = np.float32(0.01)
    assert np.abs(usual.critic.parameters).max() == bound
    assert bound < np.abs(late.critic.parameters).max() < 0.02


def test_architectures_of_other_shapes_serve():
    recipe = replace(tiny(), critic=Architecture((4,)), latent="uniform", latent_dimension=3)
    assert run(recipe).generator.sample(5, rng=0).shape == (5, 2)
