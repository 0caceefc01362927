"""The command line of the runner."""

import argparse
import json
import sys
from pathlib import Path

from .cases import run
from .workers import placements


def main() -> None:
    """Runs the cases of a file and prints what happened."""
    parser = argparse.ArgumentParser(prog="python -m tests.otp_conformance", description="Runs supervision cases.")
    parser.add_argument("cases", type=Path, help="a file of cases as the oracle writes it")
    parser.add_argument("--placement", choices=sorted(placements), default="thread", help="where the workers live")
    options = parser.parse_args()
    content = json.loads(options.cases.read_text())
    for case in content["cases"] if isinstance(content, dict) else content:
        sys.stdout.write(json.dumps(run(case, options.placement)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
