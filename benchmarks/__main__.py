"""`python -m benchmarks COMMAND`: measurements and long checks; see `--help` of each."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .problems import PROBLEMS


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    runs = commands.add_parser("run", help="run problems × solvers and record them")
    suites = sorted({problem.suite for problem in PROBLEMS})
    runs.add_argument("--suite", choices=suites, help="one suite instead of all")
    runs.add_argument("--quick", action="store_true", help="small sizes, one seed")
    runs.add_argument("--seeds", type=int, default=3, help="instances of each problem and size")
    runs.add_argument("--largest", type=int, help="leave out larger sizes")
    commands.add_parser("report", help="write Markdown and figures from the recorded runs")
    compared = commands.add_parser("against", help="another commit of the project, side by side")
    compared.add_argument("revision", help="a commit, as git names it")
    compared.add_argument("--solves", choices=("small", "large"), default="large")
    compared.add_argument("--only", default="", metavar="TEXT", help="solves whose name has it")
    compared.add_argument("--repeats", type=int, default=5, help="timings of each side")
    without = commands.add_parser(
        "mechanisms", help="the large solves without one mechanism of the engines after the other"
    )
    without.add_argument("--only", default="", metavar="TEXT", help="mechanisms whose name has it")
    without.add_argument("--solves", default="", metavar="TEXT", help="solves whose name has it")
    without.add_argument("--repeats", type=int, default=1, help="timings of each")
    fuzzes = commands.add_parser("fuzz", help="adversarial cases against exact arithmetic")
    fuzzes.add_argument("--cases", type=int, default=1000, help="cases of each kind")
    fuzzes.add_argument("--rng", type=int, default=0, help="seed")
    fuzzes.add_argument(
        "--kind", choices=("solves", "certificates", "misplaced"), help="one kind instead of all"
    )
    fuzzes.add_argument("--only", default="", metavar="FAMILY", help="cases of this family only")
    fuzzes.add_argument("--case", type=int, default=-1, help="with --only: this case, and its code")
    fuzzes.add_argument("--jobs", type=int, default=1, help="processes")
    audits = commands.add_parser("audit", help="audit the results of drawn problems")
    audits.add_argument("--cases", type=int, default=1000, help="number of problems")
    audits.add_argument("--rng", type=int, default=0, help="seed of the run")
    audits.add_argument("--only", type=int, help="one case of the run, by its number")
    audits.add_argument("--no-write", action="store_true", help="print only")
    distances = commands.add_parser(
        "law_distances", help="distances of SciPy's laws, judged by other formulas: some minutes"
    )
    distances.add_argument("--stride", type=int, default=1, help="every so many-th call only")
    distances.add_argument("--random", type=int, default=0, metavar="N", help="N draws of shapes")
    distances.add_argument("--rng", type=int, default=0, help="seed of the draws")
    peers = commands.add_parser("peer_tests", help="the peers' own tests, answered by otdiv")
    peers.add_argument(
        "--source",
        type=Path,
        metavar="CHECKOUT",
        help="the source of POT, SciPy or GeomLoss; without it the tests of SciPy's wheel",
    )
    peers.add_argument("--adapter", metavar="MODULE", help="module with another peer's ADAPTER")
    peers.add_argument("--only", default="", metavar="PATTERN", help="these tests (pytest's -k)")
    peers.add_argument("--no-write", action="store_true", help="print only")
    laws = commands.add_parser(
        "laws", help="divergences of every continuous law of SciPy from four others: up to an hour"
    )
    laws.add_argument("--every", type=int, default=1, help="each so many-th law only")
    laws.add_argument("--jobs", type=int, default=1, help="processes")
    laws.add_argument("--no-write", action="store_true", help="print only")
    tests = commands.add_parser(
        "inference", help="error rates, power and times of the permutation tests: some minutes"
    )
    tests.add_argument("--repetitions", type=int, default=6000, help="samples of each null")
    tests.add_argument("--rng", type=int, default=0, help="seed")
    tests.add_argument("--no-write", action="store_true", help="print only")
    covers = commands.add_parser(
        "coverage", help="how often the intervals hold the distance of the laws"
    )
    covers.add_argument("--repetitions", type=int, default=4000, help="pairs of samples a cell")
    covers.add_argument("--only", default="", metavar="TEXT", help="cells whose name has it")
    covers.add_argument("--jobs", type=int, default=1, help="processes")
    covers.add_argument("--no-write", action="store_true", help="print only")
    batches = commands.add_parser(
        "many", help="batches, matrices of distances, searches, pairings: some minutes"
    )
    batches.add_argument("--only", default="", metavar="TEXT", help="cases whose name has it")
    batches.add_argument("--no-write", action="store_true", help="print only")
    beyond = commands.add_parser(
        "beyond_pairs", help="partial transport, diagrams, barycenters, spaces: some minutes"
    )
    beyond.add_argument("--quick", action="store_true", help="small sizes")
    beyond.add_argument("--only", default="", metavar="TEXT", help="calls whose name has it")
    beyond.add_argument("--no-write", action="store_true", help="print only")
    points = commands.add_parser(
        "costs", help="costs on spheres and circles beside Euclidean ones: some minutes"
    )
    points.add_argument("--only", default="", metavar="TEXT", help="cases whose name has it")
    points.add_argument("--no-write", action="store_true", help="print only")
    slopes = commands.add_parser("gradients", help="gradients in torch beside those of POT")
    slopes.add_argument("--no-write", action="store_true", help="print only")
    columns = commands.add_parser(
        "streaming", help="columns read in passes, in memory and by SQL: 24 bytes of disk a row"
    )
    columns.add_argument("--rows", type=int, default=10**8, help="values of each file")
    columns.add_argument("--times", type=int, default=10, help="readings where more rows are asked")
    columns.add_argument("--no-write", action="store_true", help="print only")
    large = commands.add_parser(
        "tables", help="large tables compared in batches and in memory: 104 bytes of disk a row"
    )
    large.add_argument("--rows", type=int, default=10**7, help="rows of each table")
    large.add_argument("--no-write", action="store_true", help="print only")
    texts = commands.add_parser(
        "messy", help="texts as strangers write them, beside pandas, polars"
    )
    texts.add_argument("--cases", type=int, default=2000, help="number of files")
    texts.add_argument("--rng", type=int, default=0, help="seed of the run")
    texts.add_argument("--only", type=int, help="one case of the run, by its number")
    texts.add_argument("--no-write", action="store_true", help="print only")
    reports = commands.add_parser(
        "drift", help="drift reports beside other tools, each in its own environment: minutes"
    )
    reports.add_argument("--only", default="", metavar="TEXT", help="tools whose name has it")
    reports.add_argument("--rng", type=int, default=0, help="seed of the pairs that do not differ")
    reports.add_argument(
        "--environments", type=Path, metavar="FOLDER", help="keep and reuse environments there"
    )
    reports.add_argument("--no-write", action="store_true", help="print only")
    alarms = commands.add_parser(
        "false_alarms", help="how often comparisons of tables of one law say that they differ"
    )
    alarms.add_argument("--repetitions", type=int, default=200, help="pairs of tables of a case")
    alarms.add_argument("--minutes", type=float, default=60.0, help="for all cases together")
    alarms.add_argument("--rng", type=int, default=0, help="seed")
    alarms.add_argument("--only", default="", metavar="TEXT", help="cases whose name has it")
    alarms.add_argument("--jobs", type=int, default=1, help="processes")
    alarms.add_argument("--no-write", action="store_true", help="print only")
    truths = commands.add_parser("certify", help="how wrong the numbers of the peers are")
    truths.add_argument("--quick", action="store_true", help="small sizes, one epsilon")
    truths.add_argument("--only", default="", metavar="PEER", help="peers whose name has it")
    truths.add_argument("--case", default="", metavar="TEXT", help="cases whose name has it")
    truths.add_argument("--smallest", type=int, default=0, help="leave out smaller sizes")
    truths.add_argument("--largest", type=int, default=10_000, help="leave out larger sizes")
    truths.add_argument("--seconds", type=float, default=30.0, help="CPU seconds of a solve")
    truths.add_argument("--memory", type=float, default=4.0, help="GB of a process")
    truths.add_argument("--jobs", type=int, default=1, help="processes at a time")
    options = parser.parse_args()
    if options.command == "fuzz":
        from .fuzz import FAMILIES, KINDS, fuzz

        if options.only and options.only not in FAMILIES:
            parser.error(f"--only must be one of: {', '.join(FAMILIES)}")
        failed = fuzz(
            cases=options.cases,
            seed=options.rng,
            kinds=[options.kind] if options.kind else list(KINDS),
            only=options.only,
            case=options.case,
            jobs=options.jobs,
        )
        raise SystemExit(1 if failed else 0)
    if options.command == "run":
        from .run import run

        for path in run(options.suite, options.quick, options.seeds, options.largest):
            print(path)
    elif options.command == "against":
        from .against import against

        changed = against(
            options.revision, options.solves, only=options.only, repeats=options.repeats
        )
        sys.exit(1 if changed else 0)
    elif options.command == "mechanisms":
        from .mechanisms import mechanisms

        mechanisms(only=options.only, solves=options.solves, repeats=options.repeats)
    elif options.command == "law_distances":
        from .law_distances import law_distances

        sys.exit(1 if law_distances(options.stride, options.random, options.rng) else 0)
    elif options.command == "audit":
        from .audit import run_audits

        write = not options.no_write
        sys.exit(run_audits(options.cases, options.rng, only=options.only, write=write))
    elif options.command == "tables":
        from .tables import tables

        sys.exit(tables(options.rows, write=not options.no_write))
    elif options.command == "streaming":
        from .streaming import streaming

        sys.exit(streaming(options.rows, options.times, write=not options.no_write))
    elif options.command == "messy":
        from .messy import messy

        write = not options.no_write
        sys.exit(messy(options.cases, options.rng, only=options.only, write=write))
    elif options.command == "peer_tests":
        from .peer_tests import run_peer_tests

        write = not options.no_write
        only, adapter = options.only, options.adapter
        sys.exit(run_peer_tests(options.source, module=adapter, only=only, write=write))
    elif options.command == "inference":
        from .inference import inference

        write = not options.no_write
        sys.exit(1 if inference(options.repetitions, options.rng, write) else 0)
    elif options.command == "coverage":
        from .coverage import coverage

        write = not options.no_write
        broken = coverage(options.repetitions, options.only, options.jobs, write)
        sys.exit(1 if broken else 0)
    elif options.command == "certify":
        from .certify import certify_peers

        chosen = {name: value for name, value in vars(options).items() if name != "command"}
        certify_peers(**chosen)
    elif options.command == "laws":
        from .laws import run_divergences

        sys.exit(run_divergences(options.every, options.jobs, write=not options.no_write))
    elif options.command == "drift":
        from .drift import drift

        failures = drift(
            only=options.only,
            environments=options.environments,
            seed=options.rng,
            write=not options.no_write,
        )
        sys.exit(1 if failures else 0)
    elif options.command == "false_alarms":
        from .false_alarms import false_alarms

        faults = false_alarms(
            repetitions=options.repetitions,
            minutes=options.minutes,
            seed=options.rng,
            only=options.only,
            jobs=options.jobs,
            write=not options.no_write,
        )
        sys.exit(1 if faults else 0)
    elif options.command == "costs":
        from .costs import costs

        sys.exit(1 if costs(only=options.only, write=not options.no_write) else 0)
    elif options.command == "many":
        from .many import many

        sys.exit(1 if many(only=options.only, write=not options.no_write) else 0)
    elif options.command == "beyond_pairs":
        from .beyond_pairs import measure

        sys.exit(measure(quick=options.quick, only=options.only, write=not options.no_write))
    elif options.command == "gradients":
        from .gradients import gradients

        sys.exit(1 if gradients(write=not options.no_write) else 0)
    else:
        from .certify import redraw
        from .report import report

        print(report())
        redraw()


if __name__ == "__main__":
    main()
