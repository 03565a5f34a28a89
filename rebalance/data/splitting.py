"""What happens to whoever splits images after some of them were repeated or blended.

Imports neither numpy nor torch.
"""

import logging
from collections.abc import Sequence

from rebalance.manifest import Row

log = logging.getLogger("rebalance")


def tell_of_splits(rows: Sequence[Row], remedy: str) -> None:
    """Tell once in the log, where rows repeat or blend images, that a split must come before.

    remedy: what to do, of the command that tells it.
    """
    again = len(rows) - len({row.file_name for row in rows if row.kind == "original"})
    if again:
        log.info(
            "%d of %d samples repeat or blend images; whoever splits them now validates on images "
            "trained on: %s",
            again,
            len(rows),
            remedy,
        )
