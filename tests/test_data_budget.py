"""budget: how much memory images take at once, and what becomes of one that gets too little."""

import io
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context

import pytest
from PIL import Image

from rebalance.data import images
from rebalance.data.budget import Budget, Portion
from rebalance.data.images import opened
from rebalance.errors import PassingFault


class Gauge:
    """How much is taken at once, and the most that it ever was."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self._lock = threading.Lock()

    def add(self, amount: int) -> None:
        with self._lock:
            self.now += amount
            self.most = max(self.most, self.now)


def taken_at_once(budget: Budget, sizes: list[int]) -> int:
    gauge = Gauge()

    def work(size: int) -> None:
        with Portion(budget).take(size):
            gauge.add(size)
            time.sleep(0.002)
            gauge.add(-size)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, sizes))
    return gauge.most


def test_threads_never_take_more_than_there_is() -> None:
    assert 60 < taken_at_once(Budget(100), [10, 70, 30, 20, 60] * 8) <= 100


def test_what_is_larger_than_all_goes_alone() -> None:
    assert taken_at_once(Budget(100), [1000, 30, 1000, 30] * 4) == 1000


def test_whoever_came_first_is_served_first() -> None:
    budget, order = Budget(100), []

    def work(size: int) -> None:
        with Portion(budget).take(size):
            order.append(size)

    with ThreadPoolExecutor(4) as pool, Portion(budget).take(50):
        for size in (90, 1, 2):  # the small ones would fit, and do not overtake
            pool.submit(work, size)
            time.sleep(0.01)
    assert order[0] == 90


def test_a_thread_that_has_some_gets_more_at_once() -> None:
    budget = Budget(10)
    with Portion(budget).take(10), Portion(budget).take(10):
        pass
    with Portion(budget).take(10):  # and all is free again
        pass


def test_what_fails_gives_back_what_it_took() -> None:
    budget = Budget(10)
    for _ in range(3):
        with pytest.raises(KeyError), Portion(budget).take(10):
            raise KeyError


def test_processes_share_it_and_the_largest_hold_a_lock() -> None:
    budget, lock = Budget(100), get_context("spawn").Lock()
    budget.share(4, lock)
    assert taken_at_once(budget, [10] * 20) <= 25
    with Portion(budget).take(26):
        assert not lock.acquire(block=False)
    assert lock.acquire(block=False)


def test_images_are_decoded_within_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (40, 30)).save(stream, "PNG")
    gauge = Gauge()

    def look(data: bytes) -> None:
        with opened(data):
            gauge.add(1)
            time.sleep(0.002)
            gauge.add(-1)

    monkeypatch.setattr(images, "BUDGET", Budget(2 * 40 * 30 * images.BYTES["PNG"]))
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(look, [stream.getvalue()] * 24))
    assert gauge.most == 2


def test_want_of_memory_while_an_image_is_looked_at_passes() -> None:
    stream = io.BytesIO()
    Image.new("RGB", (4, 3)).save(stream, "PNG")
    with pytest.raises(PassingFault, match="not enough memory"), opened(stream.getvalue()):
        raise MemoryError


LIMITED = """
import io, resource, sys
from PIL import Image
from rebalance.data.images import decode
from rebalance.errors import UnreadableImage
side, files = 1500, {}
plain = Image.radial_gradient("L").resize((side, side)).convert("RGB")
for name, format, options in (
    ("webp", "WEBP", {"method": 0}), ("png", "PNG", {"compress_level": 1}),
    ("progressive", "JPEG", {"progressive": True, "subsampling": 0}),
    ("strip", "TIFF", {"compression": "tiff_lzw", "strip_size": 2**31 - 1}),
):
    file = io.BytesIO()
    plain.save(file, format, **options)
    files[name] = file.getvalue()
    decode(files[name])
pages = int(open("/proc/self/statm").read().split()[0])
limit = resource.getrlimit(resource.RLIMIT_AS)
for name, data in files.items():
    for spare in (1, 6, 12, 18):
        resource.setrlimit(resource.RLIMIT_AS, (pages * 4096 + spare * 2**20, limit[1]))
        try:
            decode(data)
            found = "decoded"
        except UnreadableImage as error:
            found = f"{type(error).__name__}: {error}"
        resource.setrlimit(resource.RLIMIT_AS, limit)
        print(name, spare, found, sep="|")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and a limit of the address space")
def test_want_of_memory_is_never_taken_for_damage() -> None:
    # Many decoders do not tell the two apart, and damage would be remembered.
    heap = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "1000000"}  # or freed memory stays, unseen
    told = subprocess.run(
        [sys.executable, "-c", LIMITED], capture_output=True, text=True, check=True, env=heap
    ).stdout.splitlines()
    verdicts = {line.split("|")[2] for line in told}
    assert verdicts == {"decoded", "PassingFault: not enough memory to decode it"}
