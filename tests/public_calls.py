"""Every public call that takes arrays, with good ones: what is tried on each is tried on all."""

import numpy as np
import pytest

import otdiv
from otdiv import certificates, critics, estimators, solvers

PROBLEM = otdiv.TransportProblem.from_matrix([[0.0, 1.0], [1.0, 0.0]])
RESULT = otdiv.transport([0.0, 1.0], [2.0, 4.0], cost="sqeuclidean")
BLURRED = otdiv.transport(
    [0.0, 1.0], [2.0, 4.0], cost="sqeuclidean", solver=solvers.Sinkhorn(epsilon=1.0)
)
CRITIC = otdiv.critics.fit_critic(
    np.array([[0.0], [1.0]]), np.array([[2.0], [3.0]]), rng=0, max_iterations=1
).critic
POTENTIAL = critics.KantorovichPotential([[0.0], [1.0]], [[2.0], [3.0]])
COST = otdiv.Euclidean()

x, y, w, p = [0.0, 1.0, 5.0], [1.0, 2.0, 4.0], [1.0, 2.0, 1.0], [0.25, 0.5, 0.25]
X, Y = [[0.0, 0.0], [1.0, 3.0], [2.0, 5.0]], [[1.0, 0.0], [0.0, 3.0], [4.0, 5.0]]
C = [[0.0, 1.0, 2.0], [1.0, 0.0, 3.0], [2.0, 3.0, 0.0]]
samples = {"x": x, "y": y, "x_weights": w, "y_weights": w}
rows = {"x": [0.0, 1.0, 3.0, 7.0, 12.0], "y": [2.0, 4.0, 5.0, 8.0, 11.0]}
clouds = samples | {"x": X, "y": Y}
vectors = {"p": p, "q": [0.5, 0.25, 0.25]}


def two(function, **options):
    def call(arrays):
        rest = {name: value for name, value in arrays.items() if name not in ("x", "y", "p", "q")}
        first = [arrays[name] for name in ("x", "y", "p", "q") if name in arrays]
        return function(*first, **rest, **options)

    return call


# Name of the public callable: calls, each with good arrays under the names of the arguments.
CALLS = {
    "Mahalanobis": [(lambda k: otdiv.Mahalanobis(**k), {"covariance": np.eye(2)})],
    "barycenter": [
        (lambda k: otdiv.barycenter([x, y], **k), {"weights": np.array([0.5, 0.5])}),
    ],
    **{
        name: [
            (
                lambda k, name=name: getattr(otdiv, name)(**k),
                {"x": [[0.0, 1.0], [0.5, 2.0]], "y": [[0.0, 3.0]]},
            )
        ]
        for name in (
            *("bottleneck_distance", "bottleneck_distance_result"),
            *("persistence_distance", "persistence_distance_result"),
        )
    },
    "GaussianMixture": [
        (
            lambda k: otdiv.GaussianMixture(k["means"], covariances=k["covariances"]),
            {"means": x, "covariances": w},
        ),
        (
            lambda k: otdiv.GaussianMixture([0.0, 1.0, 2.0], covariances=w, **k),
            {"weights": w},
        ),
    ],
    **{
        name: [(lambda k, name=name: getattr(otdiv, name)(reach=1.0, **k), clouds)]
        for name in ("kantorovich_rubinstein", "kantorovich_rubinstein_result")
    },
    **{
        name: [(lambda k, name=name: getattr(otdiv, name)(epsilon=1.0, reach=1.0, **k), clouds)]
        for name in ("unbalanced_sinkhorn_divergence", "unbalanced_sinkhorn_divergence_result")
    },
    "partial_transport_profile": [
        (lambda k: otdiv.partial_transport_profile(**k), clouds),
    ],
    "CostMatrix": [(lambda k: otdiv.CostMatrix(k["C"]), {"C": C})],
    "gromov_wasserstein_matrix": [
        (
            lambda k: otdiv.gromov_wasserstein_matrix(C, C, **k),
            {"x_weights": w, "y_weights": w},
        ),
        (lambda k: otdiv.gromov_wasserstein_matrix(k["Cx"], C), {"Cx": C}),
        (lambda k: otdiv.gromov_wasserstein_matrix(C, k["Cy"]), {"Cy": C}),
    ],
    "gromov_lower_bounds": [
        (
            lambda k: otdiv.gromov_lower_bounds(C, C, **k),
            {"x_weights": w, "y_weights": w},
        ),
    ],
    "gromov_barycenter": [
        (
            lambda k: otdiv.gromov_barycenter([C] * 2, size=2, **k),
            {"weights": np.array([0.5, 0.5])},
        ),
    ],
    "DensePlan": [(lambda k: otdiv.DensePlan(**k), {"mass": C})],
    "DiscreteMeasure": [
        (lambda k: otdiv.DiscreteMeasure(**k), {"points": X, "weights": w}),
        (lambda k: otdiv.DiscreteMeasure(**k), {"points": x}),
        (
            lambda k: otdiv.DiscreteMeasure.from_samples(k["x"], k["weights"]),
            {"x": X, "weights": w},
        ),
    ],
    "Gaussian": [
        (lambda k: otdiv.Gaussian(**k), {"mean": x, "covariance": np.eye(3)}),
    ],
    "PNormCost": [
        (lambda k: COST.pairwise(**k), {"x": X, "y": Y}),
        (lambda k: COST.between(**k), {"x": X, "y": Y}),
    ],
    "Potentials": [(lambda k: otdiv.Potentials(**k), {"f": x, "g": y})],
    "ScaledKernelPlan": [
        (
            lambda k: otdiv.ScaledKernelPlan.from_potentials(PROBLEM, k["f"], k["g"], 1.0),
            {"f": [0.0, 1.0], "g": [0.0, 1.0]},
        )
    ],
    "SparsePlan": [
        (
            lambda k: otdiv.SparsePlan(shape=(9, 9), **k),
            {"rows": [0, 1, 2], "columns": [0, 1, 2], "mass": p},
        )
    ],
    "TransportProblem": [
        (
            lambda k: otdiv.TransportProblem.from_matrix(k["C"], k["x_weights"], k["y_weights"]),
            {"C": C, "x_weights": w, "y_weights": w},
        )
    ],
    "barycentric_map": [
        (lambda k: otdiv.barycentric_map(RESULT, k["x"]), {"x": x}),
        (lambda k: otdiv.barycentric_map(BLURRED, k["x"]), {"x": x}),
    ],
    "certify": [
        (two(otdiv.certify, plan=[0, 1, 2]), samples),
        (two(otdiv.certify, potentials=([0.0, 0.0, 0.0], None)), clouds),
    ],
    "certify_matrix": [
        (
            lambda k: otdiv.certify_matrix(k.pop("C"), plan=[0, 1, 2], **k),
            {"C": C, "x_weights": w, "y_weights": w},
        )
    ],
    "classifier_bound": [(two(estimators.classifier_bound, n_folds=2, rng=0), rows)],
    "confidence_interval": [
        (two(otdiv.confidence_interval, rng=0, n_replicates=64), samples),
        (two(otdiv.confidence_interval, distance="energy", rng=0, n_replicates=64), clouds),
    ],
    "equivalence_test": [(two(otdiv.equivalence_test, margin=1.0, rng=0), samples)],
    "js_from_samples": [(two(estimators.js_from_samples, k=1, rng=0), rows)],
    "kl_from_samples": [(two(estimators.kl_from_samples, k=1, rng=0), rows)],
    "energy_distance": [(two(otdiv.energy_distance), s) for s in (samples, clouds)],
    "maximum_mean_discrepancy": [
        (two(otdiv.maximum_mean_discrepancy), s) for s in (samples, clouds)
    ],
    "maximum_mean_discrepancy_result": [
        (two(otdiv.maximum_mean_discrepancy_result), s) for s in (samples, clouds)
    ],
    "sinkhorn_divergence": [(two(otdiv.sinkhorn_divergence, epsilon=1.0), clouds)],
    "sinkhorn_divergence_result": [(two(otdiv.sinkhorn_divergence_result, epsilon=1.0), samples)],
    "k_sample_test": [
        (
            lambda k: otdiv.k_sample_test([k["samples[0]"], k["samples[1]"]], n_permutations=9),
            {"samples[0]": x, "samples[1]": y},
        )
    ],
    "partial_transport": [
        (two(otdiv.partial_transport, mass=0.5), samples),
        (two(otdiv.partial_transport, reach=1.0), clouds),
    ],
    "partial_transport_matrix": [
        (
            lambda k: otdiv.partial_transport_matrix(k.pop("C"), mass=0.5, **k),
            {"C": C, "x_weights": w, "y_weights": w},
        )
    ],
    "permutation_null": [(two(otdiv.permutation_null), samples)],
    "two_sample_test": [
        *((two(otdiv.two_sample_test), s) for s in (samples, clouds)),
        (two(otdiv.two_sample_test, statistic="energy"), clouds),
        (
            lambda k: otdiv.two_sample_test(k["x"], k["y"], statistic="g", counts=True),
            {"x": [3, 4], "y": [2, 1]},
        ),
    ],
    "sliced_wasserstein": [(two(otdiv.sliced_wasserstein, rng=0), s) for s in (samples, clouds)],
    "sliced_wasserstein_result": [(two(otdiv.sliced_wasserstein_result, rng=0), clouds)],
    "transport": [
        *((two(otdiv.transport), s) for s in (samples, clouds)),
        (two(otdiv.transport, solver=solvers.NetworkSimplex()), samples),
    ],
    "transport_matrix": [
        (
            lambda k: otdiv.transport_matrix(k.pop("C"), **k),
            {"C": C, "x_weights": w, "y_weights": w},
        )
    ],
    "wasserstein": [(two(otdiv.wasserstein, p=3.0), s) for s in (samples, clouds)],
    "wasserstein1": [
        *((two(otdiv.wasserstein1), s) for s in (samples, clouds)),
        (two(otdiv.wasserstein1, rtol=0.5), samples),
        (lambda k: otdiv.wasserstein1(k["x"], otdiv.Gaussian(mean=0.0, covariance=1.0)), {"x": x}),
    ],
    "wasserstein1_batch": [(two(otdiv.wasserstein1_batch), samples)],
    "wasserstein_batch": [(two(otdiv.wasserstein_batch, p=3.0), samples)],
    "pairing": [(two(otdiv.pairing), {"x": x, "y": y}), (two(otdiv.pairing), {"x": X, "y": Y})],
    "pairing_result": [(two(otdiv.pairing_result), {"x": X, "y": Y})],
    "nearest_neighbors": [
        (
            lambda k: otdiv.nearest_neighbors(k["query"], [k["collection[0]"]], k=1),
            {"query": x, "collection[0]": y},
        ),
        (
            lambda k: otdiv.nearest_neighbors(k["query"], [p], k=1, support=k["support"]),
            {"query": p, "support": X},
        ),
    ],
    "pairwise_distances": [
        (lambda k: otdiv.pairwise_distances([x, k["samples[1]"]]), {"samples[1]": y}),
        (
            lambda k: otdiv.pairwise_distances([k["samples[0]"]], other=[k["other[0]"]]),
            {"samples[0]": X, "other[0]": Y},
        ),
        (
            lambda k: otdiv.pairwise_distances([p, k["samples[1]"]], support=k["support"]),
            {"samples[1]": p, "support": x},
        ),
    ],
    "transport_batch": [
        (
            lambda k: (
                otdiv.transport_batch(
                    *([k["X[0]"]], [k["Y[0]"]]),
                    x_weights=[k["x_weights[0]"]],
                    y_weights=[k["y_weights[0]"]],
                ).values
            ),
            {"X[0]": X, "Y[0]": Y, "x_weights[0]": w, "y_weights[0]": w},
        )
    ],
    "transport_matrix_batch": [
        (
            lambda k: (
                otdiv.transport_matrix_batch(
                    [k["C[0]"]], x_weights=[k["x_weights[0]"]], y_weights=[k["y_weights[0]"]]
                ).values
            ),
            {"C[0]": C, "x_weights[0]": w, "y_weights[0]": w},
        )
    ],
    "wasserstein1_histogram": [
        (two(otdiv.wasserstein1_histogram), vectors | {"support": x}),
        (two(otdiv.wasserstein1_histogram), vectors | {"support": X}),
    ],
    "wasserstein1_result": [(two(otdiv.wasserstein1_result), s) for s in (samples, clouds)],
    "wasserstein2": [(two(otdiv.wasserstein2), s) for s in (samples, clouds)],
    "chi2_divergence": [(two(otdiv.chi2_divergence), vectors)],
    "f_divergence": [
        (lambda k: otdiv.f_divergence(k["p"], k["q"], lambda t: (t - 1.0) ** 2), vectors)
    ],
    "hellinger_distance": [(two(otdiv.hellinger_distance), vectors)],
    "jeffreys_divergence": [(two(otdiv.jeffreys_divergence), vectors)],
    "js_distance": [(two(otdiv.js_distance), vectors)],
    "js_divergence": [(two(otdiv.js_divergence), vectors)],
    "js_divergence_unhalved": [(two(otdiv.js_divergence_unhalved), vectors)],
    "kl_divergence": [(two(otdiv.kl_divergence), vectors)],
    "kl_divergence_result": [(two(otdiv.kl_divergence_result), vectors)],
    "population_stability_index": [(two(otdiv.population_stability_index), vectors)],
    "renyi_divergence": [(two(otdiv.renyi_divergence, alpha=2.0), vectors)],
    "total_variation": [(two(otdiv.total_variation), vectors)],
    "KantorovichPotential": [
        (two(critics.KantorovichPotential), clouds),
        (lambda k: POTENTIAL(k["z"]), {"z": x}),
        (lambda k: POTENTIAL.gradient(k["z"]), {"z": x}),
    ],
    "fit_critic": [(two(critics.fit_critic, rng=0, max_iterations=1), clouds)],
    "layer_gradient_norms": [
        (lambda k: critics.layer_gradient_norms(CRITIC.network, k["z"]), {"z": x})
    ],
    "Critic": [
        (lambda k: CRITIC(k["z"]), {"z": x}),
        (lambda k: critics.Critic(CRITIC.network, k["centre"], 1.0), {"centre": [0.5]}),
    ],
    "MLP": [(lambda k: CRITIC.network(k["x"]), {"x": x})],
    "spectral_norm_bound": [(lambda k: critics.spectral_norm_bound(k["matrix"]), {"matrix": C})],
    "LipschitzExtension": [
        (
            lambda k: certificates.LipschitzExtension(
                otdiv.TransportProblem(
                    source=otdiv.DiscreteMeasure(points=[0.0]),
                    target=otdiv.DiscreteMeasure(points=[1.0]),
                    cost=COST,
                ),
                otdiv.Potentials(f=[0.0], g=[1.0]),
            )(k["z"]),
            {"z": x},
        )
    ],
}
# Takes arrays that the library made, or of SciPy that hold no masks, or is filled by the library.
NOT_INPUT = {
    "BarycenterResult",
    "DiagramResult",
    # Of laws.
    "GaussianMap",
    "GaussianMixtureResult",
    "gaussian_mixture_distance",
    "gaussian_mixture_distance_result",
    "monge_map",
    "GromovBarycenterResult",
    "GromovMatrixResult",
    "wasserstein_kmeans",
    "BlockPlan",
    "BatchResult",
    "Certificate",
    "Proof",
    "DivergenceGradient",
    "EntropicCertificate",
    "EntropicSummary",
    "FitHistory",
    "KullbackLeiblerResult",
    "NeighborsResult",
    "PairingResult",
    # Of measures.
    "PartialProblem",
    "PartialProfile",
    "PartialResult",
    "progress_bar",
    "Quality",
    "TableReport",
    "TrainingHistory",
    "SparseCost",
    "UnbalancedPlan",
    "UnbalancedResult",
    "c_transform",
    # Labels, which are anything that can be compared.
    "kl_from_counts",
    "infeasibility_holds",
}
TAKEN_AS_ARRAYS = {
    *("x", "y", "z", "p", "q", "C", "f", "g", "a", "b", "points", "weights", "x_weights", "matrix"),
    *("y_weights", "support", "mean", "covariance", "mass", "rows", "columns", "centre", "values"),
}
MODULES = (
    *("otdiv", "otdiv.distances", "otdiv.divergences", "otdiv.critics", "otdiv.certificates"),
    *("otdiv.estimators", "otdiv.inference"),
)

CASES = [
    pytest.param(call, arrays, name, id=f"{callee}-{i}-{name}")
    for callee, calls in CALLS.items()
    for i, (call, arrays) in enumerate(calls)
    for name in arrays
]
