"""The real command in processes of its own, as torchrun starts them or by hand."""

import os
import socket
import subprocess
import sys

TWO = ["-m", "torch.distributed.run", "--nproc-per-node", "2"]


def start(*arguments, **environment):
    """A Python process, of one thread of arithmetic unless told otherwise."""
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process):
    """The status of a process, once it has ended, and what it printed on stdout and stderr."""
    out, err = process.communicate(timeout=240)
    return process.returncode, out, err


def end_of(process):
    """The status of a process, once it has ended, and what it printed on stderr."""
    status, _, err = finish(process)
    return status, err


def start_ranks(count, *arguments, each=lambda rank: ([], {}), **environment):
    """Processes with what torchrun tells its own, without the one that watches over them.

    each: further arguments and environment for a rank.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    where = {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    running = []
    for rank in range(count):
        more, own = each(rank)
        told = {**environment, **where, "RANK": str(rank), **own}
        running.append(start(*arguments, *more, **told))
    return running


def finish_two(*arguments, **environment):
    """As ``finish``, for two processes: the higher status, and all that they printed."""
    outcomes = [finish(process) for process in start_ranks(2, *arguments, **environment)]
    statuses, outs, errs = zip(*outcomes, strict=True)
    return max(statuses), "".join(outs), "".join(errs)


def said(err):
    """The lines of stderr that are ours."""
    return [line for line in err.splitlines() if line.startswith(("rebalance: ", "Error: "))]
