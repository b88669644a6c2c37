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
        self.rows: list[tuple[str, str, str, str]] = []

    def close(self, what: str, measured: float, predicted: float, tolerance: float) -> None:
        """Compare a number with its prediction."""
        text = f"{predicted:.6g} ± {tolerance:.2g}"
        truth = abs(measured - predicted) <= tolerance
        self.rows.append((what, f"{measured:.6g}", text, "ok" if truth else "OUTSIDE"))

    def holds(self, what: str, measured: str, claim: str, truth: bool) -> None:
        """Compare a finding with a claim that is no single number."""
        self.rows.append((what, measured, claim, "ok" if truth else "OUTSIDE"))

    def holds_trained(self, what: str, measured: str, claim: str, truth: bool) -> None:
        """Compare a finding with a claim about trained networks, which short runs do not reach."""
        if self.quick:
            self.rows.append((what, measured, claim, "judged at full size"))
        else:
            self.holds(what, measured, claim, truth)

    def shows(self, what: str, measured: str) -> None:
        """Print a finding that nothing predicts."""
        self.rows.append((what, measured, "", ""))

    def finish(self, figure, name: str) -> None:
        """Write the figure, print the table; exit with 1 if a prediction failed."""
        self.output.mkdir(parents=True, exist_ok=True)
        target = self.output / f"{name}.png"
        figure.savefig(target, dpi=120)
        rows = [("", "measured", "predicted", ""), *self.rows]
        widths = [max(len(row[k]) for row in rows) for k in range(4)]
        for row in rows:
            print("  ".join(row[k].ljust(widths[k]) for k in range(4)).rstrip())
        print(target)
        if any(row[3] == "OUTSIDE" for row in self.rows):
            sys.exit(1)
