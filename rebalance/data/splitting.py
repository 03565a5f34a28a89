"""What happens to whoever splits images after some of them were repeated, blended or varied.

Imports neither numpy nor torch.
"""

import logging
from collections.abc import Sequence

from rebalance.manifest import Row

log = logging.getLogger("rebalance")


def tell_of_splits(rows: Sequence[Row], remedy: str) -> None:
    """Tell once in the log, where rows are made of images of others, that a split comes before.

    remedy: what to do, of the command that tells it.
    """
    again = len(rows) - len({row.file_name for row in rows if not row.is_made})
    if again:
        log.info(
            "%d of %d samples repeat, blend or vary images; whoever splits them now validates on "
            "images trained on: %s",
            again,
            len(rows),
            remedy,
        )
