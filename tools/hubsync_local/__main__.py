"""`python -m hubsync_local`: what `hubsync local` does."""

import sys

# An entry point stands outside the layers: it starts the command, and nothing imports it.
from hubsync_cli.main import app

if __name__ == "__main__":
    app(["local", *sys.argv[1:]])
