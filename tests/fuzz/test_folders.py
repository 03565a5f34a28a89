"""Folders of any layout are read as torchvision reads them, or refused in one line.

A fixed seed and about a second; longer by REBALANCE_FUZZ_SECONDS.
"""

import os
import random
import time
from collections import Counter

from torchvision.datasets import ImageFolder as Torchvision

from rebalance.data.folder import scan
from rebalance.data.listing import is_hidden
from rebalance.errors import RebalanceError

SECONDS = float(os.environ.get("REBALANCE_FUZZ_SECONDS", "1"))
WORDS = [
    *("train", "test", "val", "Training", "x_train", "train2017", "fold1", "fold2", "images"),
    *("cat", "dog", "bird", "p1", "p2", "0", "1", "a b", "é", "-rf", "a\nb"),
    *(".ipynb_checkpoints", ".git", "__MACOSX", "@eaDir", "Thumbs.db", "lost+found"),
]
ENDINGS = (".jpg", ".JPEG", ".png", ".webp", ".heic", ".gif", ".txt", "", ".jpg.tmp")


def plant(root, rng):
    """Files below a few folders, some links between them, and what is neither file nor folder."""
    folders = [root]
    for _ in range(rng.randrange(1, 14)):
        folder = rng.choice(folders) / rng.choice(WORDS)
        if not folder.exists() and len(folder.relative_to(root).parts) < 5:
            folder.mkdir()
            folders.append(folder)
        for _ in range(rng.choice((0, 1, 1, 3))):
            file = rng.choice(folders) / (rng.choice(("1", "2", "._1", "ü")) + rng.choice(ENDINGS))
            if not file.exists():
                file.touch()
    for _ in range(rng.choice((0, 0, 0, 1, 2))):
        link = rng.choice(folders) / rng.choice(("link", "link.jpg"))
        if not link.is_symlink():
            link.symlink_to(rng.choice([*folders, root / "nowhere"]))
    if rng.random() < 0.1:
        os.mkfifo(rng.choice(folders) / "pipe.jpg")


def test_any_layout_is_read_as_torchvision_reads_it_or_refused(tmp_path):
    rng = random.Random(1)
    outcomes = Counter()
    until = time.monotonic() + SECONDS
    number = 0
    while time.monotonic() < until or number < 100:
        root = tmp_path / str(number)
        root.mkdir()
        plant(root, rng)
        number += 1
        try:
            found = scan(root, allow_empty=True)
        except RebalanceError as error:
            outcomes["refused"] += 1
            assert "\n" not in str(error), list(root.rglob("*"))
            continue
        except Exception as error:
            raise AssertionError(f"{error!r} of {sorted(root.rglob('*'))}") from error
        outcomes["read"] += 1
        assert list(found.classes) == sorted(found.classes)
        assert not any(is_hidden(part) for path in found.paths for part in path.split("/")[:-1])
        assert all(os.path.lexists(root / path) for path in found.paths)
        if not any(each.is_symlink() or each.is_fifo() for each in root.rglob("*")):
            theirs = Torchvision(root, allow_empty=True)
            listed = [os.path.relpath(path, root) for path, _ in theirs.samples]
            shown = [
                path
                for path in listed
                if not any(is_hidden(part) for part in path.split("/")[:-1])
                and not path.rpartition("/")[2].startswith("._")
            ]
            assert sorted(found.paths) == sorted(shown)
    assert outcomes["read"] > 5
    assert outcomes["refused"] > 5
