"""A second DynamoDB: dynoxide, which others wrote and compare with AWS by a public suite.

It is a program for Linux on x86-64, locked in requirements/npm and installed by `make test` where
npm is there. Usage: python dynoxide.py PORT.

Observed with 1.2.1: it keeps its tables in memory, and reports consumed capacity as AWS bills it.
"""

import os
import sys
from pathlib import Path

PROGRAM = Path(__file__).parents[2] / ".npm/node_modules/@dynoxide/linux-x64/dynoxide"

if __name__ == "__main__":
    os.execv(PROGRAM, [str(PROGRAM), "--host", "127.0.0.1", "--port", sys.argv[1]])  # noqa: S606 - no shell wanted
