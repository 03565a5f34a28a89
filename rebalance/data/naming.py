"""The classes of one folder by the numbers that another's have.

Imports neither numpy nor torch.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

from rebalance.data.folder import ImageFolder
from rebalance.errors import DataError, some
from rebalance.tables import same_text

log = logging.getLogger("rebalance")


def numbered(
    data: Path | str, found: ImageFolder, classes: Sequence[str], needed: str
) -> dict[str, int]:
    """Number the classes of ``found`` that have images as ``classes`` are.

    Names that only Unicode tells apart are of one class, which the log tells. Raises DataError for
    another one. data: where they were found; needed: what must be, as the complaint begins.
    """
    number = {name: label for label, name in enumerate(classes)}
    for name, count in zip(found.classes, found.counts, strict=True):
        if not count or name in number:
            continue
        equal = [label for label, each in enumerate(classes) if same_text(each) == same_text(name)]
        if len(equal) != 1:
            alike = [each for each in classes if each.casefold() == name.casefold()]
            raise DataError(
                f"{needed} ({some(classes, quoted=False)}), but {str(data)!r} has {count} of "
                f"{name!r}: rename that folder"
                + (f" to {alike[0]!r}" if alike else "")
                + ", or take it away"
            )
        number[name] = equal[0]
        log.warning(
            "%s is the class %s, written in another way", ascii(name), ascii(classes[equal[0]])
        )
    return number
