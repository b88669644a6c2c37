"""What every example needs: its options, its table of numbers, its figure's file."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


class Example:
    """Options of one script, and the numbers that it prints beside the predicted ones."""

    def __init__(self, description: str) -> None:
        parser = argparse.ArgumentParser(description=description)
        parser.add_argument("--quick", action="store_true", help="a small size, in seconds")
        parser.add_argument(
            "--output", type=Path, default=Path("figures"), help="folder (default: figures)"
        )
        options = parser.parse_args()
        self.quick: bool = options.quick
        self.output: Path = options.output
        self.rows: list[tuple[str, str, str, bool | None]] = []

    def close(self, what: str, measured: float, predicted: float, tolerance: float) -> None:
        """Compare a number with its prediction."""
        text = f"{predicted:.6g} ± {tolerance:.2g}"
        self.rows.append((what, f"{measured:.6g}", text, abs(measured - predicted) <= tolerance))

    def holds(self, what: str, measured: str, claim: str, truth: bool) -> None:
        """Compare a finding with a claim that is no single number."""
        self.rows.append((what, measured, claim, bool(truth)))

    def finish(self, figure, name: str) -> None:
        """Write the figure, print the table; exit with 1 if a prediction failed at full size."""
        self.output.mkdir(parents=True, exist_ok=True)
        target = self.output / f"{name}.png"
        figure.savefig(target, dpi=120)
        head = ("", "measured", "predicted", None)
        rows = [head, *self.rows]
        widths = [max(len(row[k]) for row in rows) for k in range(3)]
        for row in rows:
            mark = {None: "", True: "ok", False: "OUTSIDE"}[row[3]]
            print(*(row[k].ljust(widths[k]) for k in range(3)), mark, sep="  ")
        print(target)
        failed = not all(row[3] for row in self.rows)
        if failed and self.quick:
            print("the predictions of trained networks are for the full size, without --quick")
        elif failed:
            sys.exit(1)
