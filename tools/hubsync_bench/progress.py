"""What is being done, on standard error: the figures are alone on standard output."""

import sys


def tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")
