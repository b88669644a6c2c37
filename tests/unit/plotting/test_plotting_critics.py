"""Pictures of critics, rays and networks hold the numbers that they claim to show."""

import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest

from otdiv import solvers, transport
from otdiv.critics import (
    MLP,
    Architecture,
    Critic,
    KantorovichPotential,
    ReLU,
    WeightClipping,
    fit_critic,
    layer_gradient_norms,
)
from otdiv.errors import InvalidInputError, UnsupportedProblemError
from otdiv.plotting import plot_critic, plot_layer_gradients, plot_rays, plot_weights

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.collections import LineCollection, PathCollection, PolyCollection
from matplotlib.quiver import Quiver


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def samples(d, n=12):
    rng = np.random.default_rng(d)
    return rng.normal(size=(n, d)) + 2.0, rng.normal(size=(n, d))


@pytest.fixture(scope="module")
def potential():
    return KantorovichPotential(*samples(2))


@pytest.fixture(scope="module")
def fit():
    x, y = samples(2)
    return fit_critic(x, y, network=Architecture(hidden=(8, 8)), max_iterations=40, rng=0)


def found(ax, kind):
    return [child for child in ax.get_children() if type(child) is kind]


class Cone:
    """f(z) = |z|, whose level sets and slopes are known, for any d."""

    def __call__(self, z):
        return np.sqrt((z**2).sum(axis=1))

    def gradient(self, z):
        return z / np.maximum(self(z), 1e-300)[:, None]


class Flat:
    def __call__(self, z):
        return np.full(len(z), 3.0)

    def gradient(self, z):
        return np.zeros_like(z)


def test_arrows_are_the_gradients_where_they_stand(potential):
    (arrows,) = found(plot_critic(potential), Quiver)
    expected = potential.gradient(np.asarray(arrows.XY))
    np.testing.assert_array_equal(np.column_stack([arrows.U, arrows.V]), expected)


def test_the_norm_of_the_longest_arrow_stands_below():
    ax = plot_critic(Cone(), limits=[(-1.0, 1.0), (-1.0, 1.0)])
    assert ax.get_xlabel().endswith("= 1")


def test_level_lines_lie_on_their_levels():
    ax = plot_critic(Cone(), limits=[(-1.0, 1.0), (-0.5, 0.5)])
    sets = [c for c in ax.collections if hasattr(c, "levels") and not c.filled]
    (lines,) = sets
    cell = 2.0 / 220
    for level, path in zip(lines.levels, lines.get_paths(), strict=True):
        # Linear interpolation of |z| on a square cell errs by at most cell^2 / (4 |z|).
        if level > 10.0 * cell and len(path.vertices):
            radii = np.hypot(*path.vertices.T)
            assert np.abs(radii - level).max() <= cell**2 / (2.0 * level)


def test_level_sets_fill_the_view_of_equal_scales(potential):
    ax = plot_critic(potential)
    (filled,) = (c for c in ax.collections if hasattr(c, "levels") and c.filled)
    vertices = np.concatenate([path.vertices for path in filled.get_paths()])
    for k, (low, high) in enumerate((ax.get_xlim(), ax.get_ylim())):
        assert vertices[:, k].min() <= low
        assert high <= vertices[:, k].max()
    assert ax.get_aspect() == 1.0


def test_samples_of_a_potential_are_drawn_by_default(potential):
    x, y = (np.asarray(c.get_offsets()) for c in found(plot_critic(potential), PathCollection))
    np.testing.assert_array_equal(x, potential.problem.x)
    np.testing.assert_array_equal(y, potential.problem.y)


def test_at_most_a_thousand_atoms_of_a_side_are_drawn():
    x, y = np.random.default_rng(0).normal(size=(2, 2500, 2))
    ax = plot_critic(Cone(), x, y)
    assert [len(c.get_offsets()) for c in found(ax, PathCollection)] == [1000, 1000]


def test_the_title_of_a_fit_shows_its_proof(fit):
    title = plot_critic(fit).get_title(loc="left")
    assert f"{fit.raw:.4g}" in title
    assert f"[{fit.bounds.lower:.4g}, {fit.bounds.upper:.4g}]" in title


def test_a_critic_without_samples_is_seen_around_its_centre(fit):
    ax = plot_critic(fit.critic)
    np.testing.assert_allclose(np.mean(ax.get_xlim()), fit.critic.centre[0], rtol=1e-12)
    assert ax.get_legend() is None


def test_a_constant_critic_has_a_picture_without_arrows():
    ax = plot_critic(Flat(), limits=[(0.0, 1.0), (0.0, 1.0)])
    assert not found(ax, Quiver)


def test_on_the_line_the_graph_and_the_slope_are_drawn():
    x, y = samples(1)
    f = KantorovichPotential(x, y)
    ax = plot_critic(f)
    z, values = ax.get_lines()[0].get_data()
    np.testing.assert_array_equal(values, f(z[:, None]))
    (side,) = (other for other in ax.figure.axes if other is not ax)
    np.testing.assert_array_equal(side.get_lines()[0].get_ydata(), f.gradient(z[:, None])[:, 0])
    assert [text.get_text() for text in ax.texts] == ["x", "y"]


def test_a_critic_of_three_variables_says_what_to_draw():
    with pytest.raises(UnsupportedProblemError, match="restriction to a plane"):
        plot_critic(KantorovichPotential(*samples(3)))


def test_a_view_must_be_given_or_follow_from_something():
    with pytest.raises(InvalidInputError, match="limits"):
        plot_critic(Cone())
    for limits in ([(1.0, 0.0), (0.0, 1.0)], [(0.0, np.inf), (0.0, 1.0)], [1.0, 2.0, 3.0]):
        with pytest.raises(InvalidInputError, match="limits"):
            plot_critic(Cone(), limits=limits)
    with pytest.raises(InvalidInputError, match="2 columns"):
        plot_critic(Cone(), np.zeros((3, 2)), np.zeros((3, 1)))


def test_rays_join_the_atoms_of_the_plan(potential):
    ax = plot_rays(potential)
    (lines,) = found(ax, LineCollection)
    plan, problem = potential.result.plan, potential.problem
    kept = plan.mass > 1e-12
    pieces = np.array(lines.get_segments()).reshape(kept.sum(), -1, 2, 2)
    np.testing.assert_allclose(pieces[:, 0, 0], problem.x[plan.rows[kept]], rtol=1e-12)
    np.testing.assert_allclose(pieces[:, -1, 1], problem.y[plan.columns[kept]], rtol=1e-12)


def test_colours_of_rays_are_the_potential_there(potential):
    (lines,) = found(plot_rays(potential), LineCollection)
    middles = np.array(lines.get_segments()).mean(axis=1)
    scale = np.abs(lines.get_array()).max()
    np.testing.assert_allclose(lines.get_array(), potential(middles), atol=1e-9 * scale)


def test_rays_of_a_result_are_those_of_its_plan(potential):
    ax = plot_rays(potential.result)
    assert ax.get_title(loc="left").endswith(f"W1 = {potential.result.value:.6g}")


def test_rays_lie_on_the_critic_that_is_drawn(potential):
    ax = plot_critic(potential)
    limits = ax.get_xlim(), ax.get_ylim()
    n_axes = len(ax.figure.axes)
    assert plot_rays(potential, ax=ax) is ax
    assert (ax.get_xlim(), ax.get_ylim()) == limits
    assert len(ax.figure.axes) == n_axes
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["x", "y"]


def test_arrowheads_point_where_the_mass_moves():
    ax = plot_rays(transport([[0.0, 0.0]], [[2.0, 0.0]], cost="euclidean"))
    (heads,) = found(ax, PolyCollection)
    corners = heads.get_paths()[0].vertices
    assert corners[0, 0] == corners[:, 0].max() > 1.0


def test_rays_of_equal_measures_have_no_length():
    x = samples(2)[0]
    assert not found(plot_rays(transport(x, x, cost="euclidean")), PolyCollection)


def test_only_exact_euclidean_plans_in_the_plane_have_rays():
    x, y = samples(2)
    others = [
        transport(x, y, cost="sqeuclidean"),
        transport(*samples(3), cost="euclidean"),
        transport(x, y, cost="euclidean", solver=solvers.Sinkhorn(epsilon=0.5), throw=False),
    ]
    for result in others:
        with pytest.raises(UnsupportedProblemError, match="plot_plan"):
            plot_rays(result)


def test_histograms_count_every_weight_of_a_layer():
    network = Architecture(hidden=(8, 4)).build(n_inputs=2, rng=0)
    ax = plot_weights(network)
    filled = [patch for patch in ax.patches if patch.get_fill()]
    for place, (weights, steps) in enumerate(zip(network.weights, filled, strict=True)):
        heights, edges, base = steps.get_data()
        assert base == 2 - place
        counts, _ = np.histogram(weights.ravel(), bins=len(edges) - 1)
        np.testing.assert_allclose((heights - base) * counts.max() / 0.82, counts, atol=1e-12)
    assert not ax.texts


def test_the_share_of_clipped_weights_is_written():
    x, y = samples(2, n=40)
    fit = fit_critic(
        x,
        y,
        network=Architecture(hidden=(8, 8), activation=ReLU()),
        constraint=WeightClipping(0.01),
        max_iterations=100,
        rng=0,
    )
    weights = fit.critic.network.weights[1]
    share = (np.abs(weights) >= 0.01 * (1.0 - 1e-6)).mean()
    assert share > 0.2
    texts = [text.get_text() for text in plot_weights(fit).texts]
    assert f"{100.0 * share:.0f} % at ±0.01" in texts


def test_layers_of_equal_weights_have_a_picture():
    ax = plot_weights(MLP((2, 2, 1), ReLU(), np.zeros(9)))
    assert len(ax.get_yticks()) == 2


def test_only_networks_have_weights():
    with pytest.raises(InvalidInputError, match="network"):
        plot_weights([1.0, 2.0])


def test_gradients_of_a_critic_are_taken_in_the_datas_coordinates(fit):
    z = samples(2)[0]
    critic = fit.critic
    expected = layer_gradient_norms(critic.network, (z - critic.centre) / critic.scale)
    for each in (fit, critic):
        norms = plot_layer_gradients(each, z).get_lines()[0].get_ydata()
        np.testing.assert_array_equal(norms, expected)
    slopes = critic.gradient(z)
    np.testing.assert_allclose(expected[0], np.sqrt((slopes**2).sum(axis=1).mean()), rtol=1e-12)


def test_gradients_of_a_bare_network_are_taken_in_its_own_coordinates(fit):
    z = samples(2)[0]
    network = fit.critic.network
    norms = plot_layer_gradients(network, z).get_lines()[0].get_ydata()
    np.testing.assert_array_equal(norms, layer_gradient_norms(network, z))


def test_several_critics_are_told_apart_with_their_factors(fit):
    curves = {"a": [8.0, 4.0, 2.0, 1.0], "b": fit, "dead": [0.0, 1.0]}
    ax = plot_layer_gradients(curves, samples(2)[0])
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts[0] == "a: ×2 a layer"
    assert texts[2] == "dead: ×0 a layer"
    assert len({line.get_color() for line in ax.get_lines()}) == 3
    assert ax.get_yscale() == "log"


def test_a_flat_curve_is_seen_over_a_decade():
    low, high = plot_layer_gradients([1.0, 1.01, 0.99]).get_ylim()
    assert high / low >= 10.0


def test_norms_must_be_sound_and_networks_need_points(fit):
    with pytest.raises(InvalidInputError, match="z"):
        plot_layer_gradients(fit)
    for norms in ([0.0, 0.0], [1.0, -1.0], [1.0, np.nan], [[1.0]], []):
        with pytest.raises(InvalidInputError, match="critics"):
            plot_layer_gradients(norms)
    with pytest.raises(InvalidInputError, match="critics"):
        plot_layer_gradients({})


def test_pictures_of_critics_are_drawn_on_given_axes(potential, fit):
    _, axes = plt.subplots(4)
    assert plot_critic(potential, ax=axes[0]) is axes[0]
    assert plot_rays(potential, ax=axes[1]) is axes[1]
    assert plot_weights(fit, ax=axes[2]) is axes[2]
    assert plot_layer_gradients(fit, samples(2)[0], ax=axes[3]) is axes[3]


@pytest.mark.slow
def test_every_picture_can_be_written(potential, fit, tmp_path):
    assert isinstance(fit.critic, Critic)
    pictures = [
        plot_critic(potential),
        plot_critic(KantorovichPotential(*samples(1))),
        plot_rays(potential),
        plot_weights(fit),
        plot_layer_gradients(fit, samples(2)[0]),
    ]
    for ax in pictures:
        ax.figure.savefig(tmp_path / "picture.png", dpi=40)


@pytest.mark.slow
def test_importing_the_rooms_loads_no_matplotlib():
    rooms = "canvas, critics, networks, plans, rays, tables"
    code = f"import sys; from otdiv.plotting import {rooms}; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "False\n", done.stderr
