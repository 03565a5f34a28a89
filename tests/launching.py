"""The real command in processes of its own, as torchrun starts them or by hand.

They are forked of one process that has loaded what they would all load: the greatest part of the
work of each.
"""

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

from rebalance.distributed import shutdown

TO_SPEAK = 5.0  # seconds that a process has to say why, after another has failed

FORKS = multiprocessing.get_context("forkserver") if hasattr(os, "fork") else None
LOADED = [
    *("torch.distributed", "torch.distributed.run", "torch._dynamo", "torchvision"),
    *("sklearn.cluster", "sklearn.linear_model", "scipy.stats", "scipy.spatial"),
    *(f"rebalance.cli.{name}" for name in ("extract", "train", "undersample", "study")),
    *("rebalance.forward.passes", "rebalance.training.loop", "rebalance.clusters"),
    "rebalance.torch",
    *("rebalance.api", "safetensors.torch", "PIL.PngImagePlugin", "numba"),
]

TWO = ["-m", "torch.distributed.run", "--nproc-per-node", "2"]
TWO += ["--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0"]  # at any port that is free


def start(*arguments, **environment):
    """A Python process, of one thread of arithmetic unless told otherwise."""
    told = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    if FORKS is not None:
        FORKS.set_forkserver_preload(LOADED)
        return Forked(arguments, told)
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        env=told,
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

    def send_signal(self, number):
        os.kill(self.pid, number)

    def terminate(self):
        self.process.terminate()

    @property
    def pid(self):
        return self.process.pid

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
    read_environment_again()
    compute_in_threads(int(environment["OMP_NUM_THREADS"]))
    with contextlib.suppress(ValueError):  # what multiprocessing put there
        sys.path.remove("")
    if arguments[: len(TWO)] == TWO:
        return _watch_over(arguments)
    shutdown.GRACE = 0.1  # there is no torchrun, which ends the one that is to speak at once
    return _do(arguments)


def _watch_over(arguments):
    """Be torchrun, which forks its processes of this one and does not start them anew."""
    from torch.distributed import run
    from torch.distributed.launcher.api import elastic_launch

    told = run.parse_args(arguments[2:])
    config, _, _ = run.config_from_args(told)
    config.start_method = "fork"
    script = [told.training_script, *told.training_script_args]
    elastic_launch(config, _do)(["-m", *script] if told.module else script)


def _do(arguments):
    kind, *rest = arguments
    if kind == "-m":
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif kind == "-c":
        sys.argv = [kind, *rest[1:]]
        exec(compile(rest[0], "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.argv = arguments
        runpy.run_path(kind, run_name="__main__")


def read_environment_again():
    """Have numba's settings be those of the environment; no loop of ours is loaded yet."""
    import numba

    numba.config.reload_config()


def compute_in_threads(count):
    """Have the libraries that were loaded before do as those that are told so in loading."""
    import torch
    from threadpoolctl import threadpool_limits

    threadpool_limits(count)
    torch.set_num_threads(count)


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
    return finish_together(start_ranks(2, *arguments, **environment))


def finish_together(running):
    """As ``finish_two``, for two that run; when one has failed, the other is told to end.

    So torchrun does it, though here the other has time to say why first.
    """
    failed_at = None
    while None in (ended := [process.poll() for process in running]):
        if any(ended):
            failed_at = failed_at or time.monotonic()
            if time.monotonic() > failed_at + TO_SPEAK:
                running[ended.index(None)].terminate()
                break
        time.sleep(0.02)
    statuses, outs, errs = zip(*(finish(process) for process in running), strict=True)
    return max(statuses), "".join(outs), "".join(errs)


def said(err):
    """The lines of stderr that are ours."""
    return [line for line in err.splitlines() if line.startswith(("rebalance: ", "Error: "))]
