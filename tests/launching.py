"""The real command in processes of its own, as torchrun starts them or by hand."""

import contextlib
import multiprocessing
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# Forked of one process that has loaded what they would all load, the greatest part of their work.
FORKS = multiprocessing.get_context("forkserver") if hasattr(os, "fork") else None
LOADED = ["torch.distributed", "torchvision", "rebalance.cli.extract", "rebalance.cli.train"]

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


class Forked:
    """A Python process as ``subprocess.Popen`` has it, that did not load torch by itself."""

    def __init__(self, arguments, environment):
        self.folder = tempfile.TemporaryDirectory()
        self.files = [Path(self.folder.name) / name for name in ("out", "err")]
        texts, files = list(map(str, arguments)), list(map(str, self.files))
        given = (texts, environment, str(Path.cwd()), files)
        self.process = FORKS.Process(target=_run, args=given)
        self.process.start()

    def communicate(self, timeout=None):
        self.process.join(timeout)
        assert self.process.exitcode is not None, "it has not ended"
        found = [file.read_text(encoding="utf-8") for file in self.files]
        self.folder.cleanup()
        return found

    def poll(self):
        return self.process.exitcode

    def terminate(self):
        self.process.terminate()

    @property
    def returncode(self):
        return self.process.exitcode


def _run(arguments, environment, folder, files):
    """Be the process that these arguments of Python start."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for descriptor, file in enumerate(files, start=1):
        os.dup2(os.open(file, os.O_CREAT | os.O_WRONLY | os.O_APPEND), descriptor)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    kind, *rest = arguments
    with contextlib.suppress(ValueError):  # what multiprocessing put there
        sys.path.remove("")
    if kind == "-m":
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif kind == "-c":
        sys.argv = [kind, *rest[1:]]
        exec(compile(rest[0], "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.argv = arguments
        runpy.run_path(kind, run_name="__main__")


def start_ranks(count, *arguments, each=lambda rank: ([], {}), **environment):
    """Processes with what torchrun tells its own, without the one that watches over them.

    each: further arguments and environment for a rank.
    """
    if FORKS is not None:
        FORKS.set_forkserver_preload(LOADED)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    where = {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    running = []
    for rank in range(count):
        more, own = each(rank)
        told = {**environment, **where, "RANK": str(rank), **own}
        command = [*arguments, *more]
        running.append(
            Forked(command, {**os.environ, "OMP_NUM_THREADS": "1", **told})
            if FORKS is not None
            else start(*command, **told)
        )
    return running


def finish_two(*arguments, **environment):
    """As ``finish``, for two processes: the higher status, and all that they printed.

    When one of them has failed, the other is told to end, as torchrun does it.
    """
    running = start_ranks(2, *arguments, **environment)
    while None in (ended := [process.poll() for process in running]):
        if any(ended):
            running[ended.index(None)].terminate()
            break
        time.sleep(0.02)
    statuses, outs, errs = zip(*(finish(process) for process in running), strict=True)
    return max(statuses), "".join(outs), "".join(errs)


def said(err):
    """The lines of stderr that are ours."""
    return [line for line in err.splitlines() if line.startswith(("rebalance: ", "Error: "))]
