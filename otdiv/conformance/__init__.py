"""Laws that every solver of optimal transport obeys, run against anybody's solver.

A solver is a callable `solver(a, b, C)` of weights (n,), (m,) and costs (n, m). What it returns is
told apart by type and shape:

- a real number or an array without axes is the **value** min <C, P>;
- a matrix (n, m), dense or scipy.sparse, is the **plan**; a 1 × 1 matrix is a plan, not a value;
- a tuple bundles several: the first number is the value, the matrix is the plan, the first vector
  (n,) is the potential f and the vector (m,) after it is g (f_i + g_j <= C_ij); tuples nest, and
  None is skipped;
- a mapping, or any object with attributes, is read by the names `value`, `plan`, `f`, `g` and
  `potentials` = (f, g); other names are ignored.

Tensors of other libraries count as arrays where numpy can read them. A solver that cannot treat a
case raises NotImplementedError or `otdiv.UnsupportedProblemError`: that case is then not applicable
instead of broken. A solver of points is declared by `PointSolver`, and is called with
`(a, b, x, y)`.

Before the laws a solver is tried on a few ordinary shapes. One that answers none of them does not
run; shapes that it does not answer break the law `shapes`, and the other laws do without them.
"""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Answer": "answers",
        "ConformanceReport": "report",
        "Instance": "instances",
        "Law": "law",
        "LawResult": "report",
        "LawVerdict": "report",
        "PointSolver": "loading",
        "check_solver": "checking",
        "check_solver_isolated": "isolation",
        "load_solver": "loading",
        "peers_table": "report",
        "read_answer": "answers",
        "solver_laws": "lawbook",
    },
    modules=("adapters",),
)
