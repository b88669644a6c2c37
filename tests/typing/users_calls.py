"""What users write, for mypy: right calls pass, and a misspelled option or a wrong type does not.

`mypy tests/typing` reads this file in strict mode, in which an ignore that is not needed fails.
"""

import numpy as np
from numpy.typing import NDArray

import otdiv
from otdiv import (
    DiscreteMeasure,
    Gaussian,
    TransportResult,
    certify,
    certify_matrix,
    compare_tables,
    js_divergence,
    solvers,
    transport,
    transport_matrix,
    wasserstein1,
)
from otdiv.conformance import check_solver
from otdiv.distances import wasserstein1_result
from otdiv.solvers import NetworkSimplex, Sinkhorn
from otdiv.tables import TableReport
from otdiv.theory import claims, verify
from otdiv.wgan import gaussians_8, train

x: NDArray[np.float64] = np.random.default_rng(0).random((5, 2))
y: NDArray[np.float64] = np.random.default_rng(1).random((4, 2))

distance: float = wasserstein1(x, y)
lists: float = wasserstein1([0.0, 1.0], [2, 3], x_weights=[0.5, 0.5])
proven: otdiv.Bounds = wasserstein1_result(x, y).bounds
divergence: float = js_divergence([0.5, 0.5], [0.1, 0.9])
result: TransportResult = transport(x, y, cost="sqeuclidean", rtol=1e-3, solver=Sinkhorn())
matrix: TransportResult = transport_matrix([[0.0, 1.0]], solver=NetworkSimplex(max_iterations=10))
certificate: otdiv.Certificate = certify(x, y, plan=np.eye(5, 4), potentials=(np.zeros(5), None))
entropic: otdiv.EntropicCertificate | None = certify_matrix([[0.0]], plan=[0], epsilon=1.0).entropic
batch: otdiv.BatchResult = otdiv.transport_batch([x, y], [y, y], x_weights=[None, [1, 1, 1, 2]])
first: NDArray[np.int64] = otdiv.pairing(x, x + 1.0)
condensed: NDArray[np.float64] = otdiv.pairwise_distances([x, y], distance="wasserstein2")
tested: otdiv.TestResult = otdiv.two_sample_test(x, y, statistic="energy")
together: dict[str, otdiv.TestResult] = otdiv.two_sample_test(x, y, statistic=["energy"])
measure = DiscreteMeasure(x, weights=np.full(5, 0.2))
law = Gaussian([0.0, 0.0], covariance=[[1.0, 0.0], [0.0, 1.0]])
report: TableReport = compare_tables("a.csv", "b.csv")
number: float = float(result)
result.save("result.npz")
read: TransportResult = otdiv.load_result("result.npz")
if result.plan is not None:
    whole: NDArray[np.float64] = result.plan.toarray()
    entries = result.plan.tocoo()

Sinkhorn(epslion=0.1)  # type: ignore[call-arg]
solvers.Sinkhorn(epsilon="small")  # type: ignore[arg-type]
certify(x, y, plans=None)  # type: ignore[call-arg]
transport(x, y, metric="euclidean")  # type: ignore[call-arg]
transport(x, y, [0.5, 0.5])  # type: ignore[call-arg]
DiscreteMeasure(x, np.full(5, 0.2))  # type: ignore[call-arg]
text: str = wasserstein1(x, y)  # type: ignore[assignment]
otdiv.two_sample_test(x, y, "energy")  # type: ignore[call-overload]
result.save(3)  # type: ignore[arg-type]
otdiv.wasserstien1(x, y)  # type: ignore[attr-defined]
solvers.NetworkSimplx()  # type: ignore[attr-defined]
verify(claims=["pinsker"], exampels=3)  # type: ignore[call-arg]
train(gaussians_8(), n_step=3)  # type: ignore[call-arg]
check_solver(transport, n_example=3)  # type: ignore[call-arg]
print(claims()["pinsker"].statment)  # type: ignore[attr-defined]
