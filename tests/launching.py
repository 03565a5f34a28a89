"""The real command in processes of its own, as torchrun starts them."""

import os
import subprocess
import sys

TWO = ["-m", "torch.distributed.run", "--nproc-per-node", "2"]


def end_of(process):
    """What a process printed on stderr, and its status, once it has ended; its pipes are closed."""
    _, err = process.communicate()
    return process.returncode, err


def start(*arguments, **environment):
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
