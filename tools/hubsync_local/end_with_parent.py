"""Run a program that ends when the process that started it ends, however that one ended.

The parent holds the other end of this process's standard input. When the parent is gone, killed
outright even, the system closes that end, and a thread here reads the end of file. It works on
every POSIX system, and needs no code between fork and exec. A Python script runs in this process,
anything else in a child of it.

Usage: python end_with_parent.py PROGRAM [ARGUMENT]...
"""

import os
import runpy
import signal
import subprocess
import sys
import threading


def _end_with_parent() -> None:
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGTERM)  # what was started here, too
    os._exit(1)  # at once: nobody is left to hand anything to


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    del sys.argv[0]
    if not sys.argv[0].endswith(".py"):
        # Asked to end, it is the program that decides when.
        signal.signal(signal.SIGTERM, lambda *_: None)
        raise SystemExit(subprocess.call(sys.argv))
    runpy.run_path(sys.argv[0], run_name="__main__")
