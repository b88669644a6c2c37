"""Laws that every solver of optimal transport obeys, run against anybody's solver.

A solver is a callable `solver(a, b, C)` of weights (n,), (m,) and costs (n, m). What it returns is
told apart by type and shape:

- a real number or an array without axes is the **value** min <C, P>;
- a matrix (n, m), dense or scipy.sparse, is the **plan**; a 1 × 1 matrix is a plan, not a value;
- a tuple bundles several: the first number is the value, the matrix is the plan, the first vector
  (n,) is the potential f and the vector (m,) after it is g (f_i + g_j <= C_ij); tuples nest, and
  None is skipped;
- a mapping, or any object with attributes, is read by the names `value`, `plan`, `f`, `g` and
  `potentials` = (f, g), and by those of the next paragraph; other names are ignored. One in a tuple
  adds to it.

What else a solver offers is asked for; what it does not, the report calls "not offered":

- `gradients`, a mapping or an object with `a`, `b` (in the weights, (n,) and (m,)) and, of a solver
  of points, `x`, `y` (in the points, (n, d) and (m, d)), are held to proven difference quotients;
- `epsilon`, of an entropic solver, is the regularisation that it solved, in
  min <C, P> + epsilon KL(P | a⊗b), and `f`, `g` are its potentials,
  P_ij = a_i b_j exp((f_i + g_j - C_ij) / epsilon). A solver with a *parameter* `epsilon`, which has
  a default, is called with several: `solver(a, b, C, epsilon=0.5)`;
- `entropic`, a mapping or an object with `value`, `f`, `g` (or `potentials`) and `epsilon`, holds
  what belongs to the regularised problem where `value`, `f` and `g` beside it speak of the
  transport cost, as in otdiv's own results. Its value is that of the formula.

So the answer of an entropic solver may be
`{"plan": P, "entropic": {"value": v, "potentials": (f, g), "epsilon": 0.5}}`.

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
        "BatchSolver": "batches",
        "ConformanceReport": "report",
        "Gradients": "answers",
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
