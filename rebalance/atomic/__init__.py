"""Output that appears whole or not at all, and folders that one process at a time writes to.

Imports the standard library and our errors, and nothing else.
"""

from rebalance.atomic.files import make_folder as make_folder
from rebalance.atomic.files import refusal as refusal
from rebalance.atomic.files import replacing as replacing
from rebalance.atomic.holding import LOCK as LOCK
from rebalance.atomic.holding import alone_at as alone_at
from rebalance.atomic.holding import held as held
from rebalance.atomic.journal import settled as settled
