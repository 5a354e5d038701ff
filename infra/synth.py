"""Synthesizes without the CDK CLI: ``python -m infra.synth --stage local --out build/local`` prints the folder."""

import argparse
from pathlib import Path

from infra.app import main
from infra.config import STAGES

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stage", action="append", choices=sorted(STAGES), help="may be given several times")
    parser.add_argument("--out", type=Path, help="folder of the cloud assembly")
    arguments = parser.parse_args()
    print(main(arguments.stage, arguments.out))
