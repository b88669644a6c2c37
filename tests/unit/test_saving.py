"""Saved results: what files hold, where they may be written, and what is refused."""

import io
import json
import os
import zipfile
from fractions import Fraction

import numpy as np
import pytest

import otdiv
from otdiv import (
    CostMatrix,
    InvalidInputError,
    SparsePlan,
    UnsupportedProblemError,
    load_result,
    saving,
    solvers,
    transport,
    transport_matrix,
)

RNG = np.random.default_rng(0)
X, Y = RNG.random((8, 2)), RNG.random((6, 2))
RESULT = transport(X, Y)
ENTROPIC = transport(X, Y, solver=solvers.Sinkhorn(epsilon=0.1))


def written(result):
    file = io.BytesIO()
    result.save(file)
    return file.getvalue()


def arrays_of(result):
    with np.load(io.BytesIO(written(result)), allow_pickle=False) as archive:
        return dict(archive)


def repacked(arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    file.seek(0)
    return file


def with_header(arrays, **changes):
    header = json.loads(arrays["header"].tobytes())
    text = json.dumps(header | changes).encode()
    return repacked(arrays | {"header": np.frombuffer(text, dtype=np.uint8)})


def test_a_file_is_read_back_by_its_name(tmp_path):
    path = tmp_path / "result"
    RESULT.save(path)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["result"]
    assert load_result(str(path)).value == RESULT.value
    ENTROPIC.save(str(path))
    assert load_result(path).entropic is not None


def test_a_file_that_cannot_be_written_whole_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "result.npz"
    RESULT.save(path)
    before = path.read_bytes()

    def fail(*_, **__):
        raise OSError("the disk is full")

    monkeypatch.setattr(np.lib.format, "write_array", fail)
    with pytest.raises(OSError, match="full"):
        ENTROPIC.save(path)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")
def test_what_is_no_regular_file_is_written_to_and_read_where_it_is():
    with open(os.devnull, "wb") as nothing:
        RESULT.save(nothing)
    RESULT.save(os.devnull)
    assert not os.path.isfile(os.devnull)
    read, write = os.pipe()
    with open(write, "wb") as end:
        RESULT.save(end)
    with open(read, "rb") as end:
        assert load_result(end).bounds == load_result(io.BytesIO(written(RESULT))).bounds


def test_numpy_reads_the_arrays_without_pickles_and_writes_a_file_that_is_read():
    arrays = arrays_of(RESULT)
    np.testing.assert_array_equal(arrays["x"], X)
    np.testing.assert_array_equal(arrays["f"], RESULT.potentials.f)
    assert float(arrays["value"]) == RESULT.value
    assert json.loads(arrays["header"].tobytes())["otdiv"] == otdiv.__version__
    assert load_result(repacked(arrays)).value == RESULT.value


def test_the_same_result_makes_the_same_bytes():
    assert written(RESULT) == written(RESULT)


def test_zeros_and_indices_are_deflated_and_digits_are_not():
    sizes = {}
    plan = transport_matrix(1.0 - np.eye(200), solver=solvers.Sinkhorn(epsilon=1e-3))
    with zipfile.ZipFile(io.BytesIO(written(plan))) as archive:
        sizes = {entry.filename: entry for entry in archive.infolist()}
    assert sizes["plan_mass.npy"].compress_size < sizes["plan_mass.npy"].file_size / 10
    with zipfile.ZipFile(
        io.BytesIO(written(transport(RNG.random(500), RNG.random(500))))
    ) as archive:
        assert archive.getinfo("x.npy").compress_type == zipfile.ZIP_STORED


@pytest.mark.parametrize(
    "path", [3, None, b"name", io.StringIO()], ids=["number", "nothing", "bytes", "text"]
)
def test_what_is_no_file_is_refused(path):
    with pytest.raises(InvalidInputError, match="`path` must be a path or a binary file"):
        RESULT.save(path)
    with pytest.raises(InvalidInputError, match="`path` must be a path or a binary file"):
        load_result(path)


def test_files_of_the_system_have_its_errors(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_result(tmp_path / "nothing.npz")
    with pytest.raises(IsADirectoryError):
        RESULT.save(tmp_path)
    with pytest.raises(FileNotFoundError):
        RESULT.save(tmp_path / "no folder" / "result.npz")


@pytest.mark.parametrize(
    "content",
    [b"", b"PK", b"x" * 1000, written(RESULT)[:-30]],
    ids=["empty", "short", "foreign", "truncated"],
)
def test_what_is_no_archive_is_named_with_its_file(tmp_path, content):
    path = tmp_path / "foreign.npz"
    path.write_bytes(content)
    with pytest.raises(InvalidInputError, match=r"foreign\.npz' \(no readable archive"):
        load_result(path)


def test_archives_of_others_are_refused():
    for arrays in ({"a": X}, {"header": np.zeros(3)}, {"header": np.zeros(3, dtype=np.uint8)}):
        with pytest.raises(InvalidInputError, match="hold a transport result that otdiv saved"):
            load_result(repacked(arrays))


def test_pickles_are_refused_unread():
    arrays = arrays_of(RESULT)
    file = io.BytesIO()
    np.savez(file, **(arrays | {"f": np.array([print, None], dtype=object)}))
    with pytest.raises(InvalidInputError, match="`f` is no array of floats"):
        load_result(io.BytesIO(file.getvalue()))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 2}, r"version 2, and this otdiv, .*, reads version 1"),
        ({"version": "1"}, "'version' of its header is '1'"),
        ({"format": "other"}, "another format"),
        ({"status": "SOLVED"}, "'status' of its header is 'SOLVED'"),
        ({"status": "INFEASIBLE"}, "has a plan, and states that there is none"),
        ({"n_iterations": -1}, "negative"),
        ({"n_iterations": True}, "'n_iterations' of its header is True"),
        ({"message": None}, "'message' of its header is None"),
        ({"cost": "Geometry"}, "cost is 'Geometry', which this otdiv"),
        ({"cost": "CostMatrix"}, "`C` is missing"),
        ({"plan": "DensePlan"}, "`plan_mass` has dtype"),
        ({"plan": "Plan"}, "plan is 'Plan'"),
        ({"plan": None, "status": "OPTIMAL"}, "has no place"),
        ({"solver": {"name": "print", "options": {}}}, "solver is 'print', which"),
        ({"solver": {"name": "Sinkhorn", "options": {"epsilon": -1.0}}}, "`epsilon` must be"),
        ({"solver": {"name": "Sinkhorn", "options": {"epsilon": []}}}, "no options of Sinkhorn"),
        ({"solver": {"name": "Sinkhorn", "options": {"eps": 1.0}}}, "no options of Sinkhorn"),
        ({"solver": {"name": 3}}, "solver is 3"),
        ({"solver": {"name": "a"}}, "solver is None"),
        ({"origin": ["1"]}, "'origin'"),
        ({"origin": ["1/0", "1"]}, "divides by 0"),
        ({"origin": ["x", "1"]}, "'origin'"),
        ({"entropic": ["a"]}, "`entropic_bounds` is missing"),
        ({"entropic": [1]}, "more than texts"),
        ({"infeasible": True}, "`infeasible_rows` is missing"),
    ],
    ids=str,
)
def test_a_header_that_is_wrong_is_named(change, words):
    with pytest.raises(InvalidInputError, match=words):
        load_result(with_header(arrays_of(RESULT), **change))


def test_headers_that_exhaust_a_reader_are_refused():
    for text in (b"[" * 100_000, b'{"version": ' + b"9" * 10_000 + b"}", b"\xff"):
        arrays = arrays_of(RESULT) | {"header": np.frombuffer(text, dtype=np.uint8)}
        with pytest.raises(InvalidInputError, match="its header is"):
            load_result(repacked(arrays))


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("plan_rows", np.full(13, 8), "`plan_rows` holds other numbers than 0 to 7"),
        ("plan_columns", np.full(13, -1), "`plan_columns` holds other numbers than 0 to 5"),
        ("plan_rows", np.zeros(3, dtype=int), "of different lengths"),
        ("plan_mass", np.zeros(3), "`plan_mass` has dtype"),
        ("x", np.zeros((8, 2), dtype=np.float32), "`x` is no array of floats"),
        ("x", np.full((8, 2), np.nan), "`points` must"),
        ("x", np.zeros((0, 2)), "`points` must"),
        ("x_weights", np.full(8, -1.0), "`weights` must be non-negative"),
        ("y_weights", np.full(6, 1.0), "must carry the mass"),
        ("norm", np.array(0.5), "`norm` must be at least 1"),
        ("extra", np.zeros(2), "'extra' has no place"),
        ("f", np.zeros(7), "`f` has dtype float64 and shape"),
    ],
)
def test_an_array_that_is_wrong_is_named(name, value, words):
    with pytest.raises(InvalidInputError, match=words):
        load_result(repacked(arrays_of(RESULT) | {name: value}))


def test_an_array_that_is_missing_is_named():
    arrays = arrays_of(RESULT)
    for name in arrays:
        rest = {key: value for key, value in arrays.items() if key != name}
        with pytest.raises(InvalidInputError, match=r"header|missing"):
            load_result(repacked(rest))


def member_changed(name, change):
    """The archive of RESULT with other bytes of one member, and right checksums."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(written(RESULT))) as old,
        zipfile.ZipFile(file, "w") as new,
    ):
        for entry in old.namelist():
            data = old.read(entry)
            new.writestr(entry, change(data) if entry == name else data)
    return file


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.replace(b"(8,)", b"(9,)"),
        lambda data: data.replace(b"(8,)", b"(99999999999999999,)"),
        lambda data: data.replace(b"(8,)", b"(9**9**9,)"),
        lambda data: data.replace(b"<f8", b"<f4"),
        lambda data: data.replace(b"<f8", b"|O "),
        lambda data: data[:-1],
        lambda data: data[:9],
        lambda data: data.replace(b"\x01\x00v", b"\x03\x00v"),
    ],
)
def test_members_are_no_more_than_they_say(change):
    with pytest.raises(InvalidInputError, match="`f`"):
        load_result(member_changed("f.npy", change))


def test_an_archive_that_claims_more_than_memory_holds_is_refused():
    data = bytearray(written(RESULT))
    start = data.rindex(b"PK\x01\x02")  # the last entry of the directory: its size comes at 24
    data[start + 24 : start + 28] = (2**32 - 2).to_bytes(4, "little")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("otdiv._memory.available_bytes", lambda: 2**32)
        with pytest.raises(UnsupportedProblemError, match="the saved result needs about"):
            load_result(io.BytesIO(bytes(data)))


def test_names_that_occur_twice_are_refused():
    file = io.BytesIO(written(RESULT))
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(file, "a") as archive:
        archive.writestr("f.npy", archive.read("g.npy"))
    with pytest.raises(InvalidInputError, match=r"'f\.npy' is no array, or there twice"):
        load_result(file)


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("bounds", lambda b: b * [1.001, 1.0], "states the bounds"),
        ("bounds", lambda b: b * [1.0, 0.999], "states the bounds"),
        ("bounds", lambda b: b + np.nan, "states the bounds"),
        ("value", lambda v: v * 1.001, "value is stated"),
        ("value", lambda v: v * np.nan, "value is stated"),
        ("plan_mass", lambda mass: mass[::-1], "states the bounds"),
        ("plan_mass", lambda mass: mass * np.nan, "states the bounds"),
        ("f", lambda f: 0.0 * f, "states the bounds"),
        ("x", lambda x: x[::-1], "states the bounds"),
    ],
)
def test_what_is_not_proven_is_refused(name, change, words):
    arrays = arrays_of(RESULT)
    arrays[name] = np.asarray(change(arrays[name]))
    if name == "f":
        arrays["g"] = 0.0 * arrays["g"]
    with pytest.raises(InvalidInputError, match=f"prove what it states.*{words}"):
        load_result(repacked(arrays))


def test_weaker_claims_stand_as_they_are_stated():
    arrays = arrays_of(RESULT)
    arrays["bounds"] = np.array([0.0, 9.0])
    found = load_result(repacked(arrays))
    assert (found.bounds.lower, found.bounds.upper, found.value) == (0.0, 9.0, RESULT.value)


def test_potentials_that_are_not_feasible_are_made_so():
    arrays = arrays_of(RESULT)
    arrays["f"], arrays["g"] = arrays["f"] + 1.0, arrays["g"] + 1.0
    found = load_result(repacked(arrays))
    C = found.problem.matrix()
    assert (found.potentials.f[:, None] + found.potentials.g <= C + 1e-14).all()


def test_a_regularised_value_that_is_refuted_is_refused():
    arrays = arrays_of(ENTROPIC)
    for name, value in (
        ("entropic_bounds", [0.0, 1e-3]),
        ("entropic_bounds", [9.0, 10.0]),
        ("entropic_bounds", [np.nan, 9.0]),
        ("entropic_value", 9.0),
        ("entropic_value", np.nan),
    ):
        with pytest.raises(InvalidInputError, match="regularised"):
            load_result(repacked(arrays | {name: np.asarray(value)}))


def test_a_regularised_bound_that_is_not_proven_is_replaced():
    arrays = arrays_of(ENTROPIC)
    value = float(arrays["entropic_value"])
    arrays["entropic_bounds"] = np.array([value, value])
    found = load_result(repacked(arrays)).entropic
    assert found.bounds.lower < value < found.bounds.upper


def test_a_reason_why_there_is_no_plan_is_checked():
    C = np.ones((3, 3))
    C[:2, 1:] = np.inf
    result = transport_matrix(C, throw=False)
    found = load_result(io.BytesIO(written(result)))
    assert found.status is otdiv.Status.INFEASIBLE
    np.testing.assert_array_equal(found.infeasible_rows, result.infeasible_rows)
    arrays = arrays_of(result)
    with pytest.raises(InvalidInputError, match="its rows do not prove"):
        load_result(repacked(arrays | {"infeasible_rows": np.array([2])}))
    with pytest.raises(InvalidInputError, match=r"has no place|does not say why"):
        load_result(with_header(arrays, infeasible=False))
    with pytest.raises(InvalidInputError, match="solved, without a plan"):
        load_result(with_header(arrays, status="OPTIMAL"))
    with pytest.raises(InvalidInputError, match="and proves"):
        load_result(with_header(arrays, status="STALLED"))


def test_solvers_of_others_are_named_and_never_made():
    class Mine:
        def run(self, problem, *, options):
            return solvers.NetworkSimplex().run(problem, options=options)

        def __repr__(self):
            return "Mine(1)"

    found = load_result(io.BytesIO(written(transport(X, Y, solver=Mine()))))
    assert found.solver == saving.UnknownSolver(name="Mine", text="Mine(1)")
    assert repr(found.solver) == "Mine(1)"
    assert load_result(io.BytesIO(written(found))).solver == found.solver


def test_a_plan_in_factors_of_another_problem_is_not_saved():
    from dataclasses import replace

    other = transport(X, Y[::-1], solver=solvers.Sinkhorn(epsilon=0.1))
    with pytest.raises(UnsupportedProblemError, match="own problem"):
        replace(ENTROPIC, plan=other.plan).save(io.BytesIO())


@pytest.mark.parametrize("origin", [2**62, -(2**60)])
def test_origins_of_large_integers_are_kept_to_the_last_digit(origin):
    x, y = np.array([origin, origin + 3]), np.array([origin + 1, origin + 7])
    result = transport(x, y)
    assert result.problem.origin is not None
    assert load_result(io.BytesIO(written(result))).problem.origin == result.problem.origin


def test_origins_that_are_fractions_of_any_length_are_kept():
    result = transport([0.0, 1.0], [2.0, 3.0])
    number = Fraction(10**6000 + 1, 3**7000)
    result.problem.counted_from((number,))
    assert load_result(io.BytesIO(written(result))).problem.origin == (number,)


def test_arrays_that_were_read_are_read_only():
    found = load_result(io.BytesIO(written(RESULT)))
    for array in (found.problem.x, found.plan.mass, found.potentials.f):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0.0
    assert isinstance(found.plan, SparsePlan)


def test_matrices_of_any_points_come_back():
    problem = otdiv.TransportProblem(
        otdiv.DiscreteMeasure(X),
        target=otdiv.DiscreteMeasure(Y),
        cost=CostMatrix(RNG.random((8, 6))),
    )
    found = load_result(io.BytesIO(written(otdiv.solve(problem))))
    np.testing.assert_array_equal(found.problem.x, X)
    np.testing.assert_array_equal(found.problem.cost.values, problem.cost.values)
