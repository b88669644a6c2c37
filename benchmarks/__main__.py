"""`python -m benchmarks run [--suite S] [--quick]` and `python -m benchmarks report`."""

from __future__ import annotations

import argparse

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
    options = parser.parse_args()
    if options.command == "run":
        from .run import run

        for path in run(options.suite, options.quick, options.seeds, options.largest):
            print(path)
    else:
        from .report import report

        print(report())


if __name__ == "__main__":
    main()
