"""Whether images belong to the class that they are said to be of, by a vote of their neighbours.

Works on labels alone: may not import torch or click. Imports numpy and nothing heavier.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]

VOTES_AT_ONCE = 1 << 22  # of a table of images by classes


@dataclass(frozen=True, eq=False)
class Vote:
    """What the neighbours of M images say.

    winner: the class [M] that they elect. own, others: how many neighbours [M] are of the class
    that the image is said to be of, and of the winner.
    """

    winner: Labels
    own: Labels
    others: Labels


def balanced_vote(around: Labels, said: Labels, sizes: Labels) -> Vote:
    """Let the neighbours of images elect the classes of these.

    around: the classes [M, k] of the neighbours. said: the class [M] that each image is said to be
    of, which wins a tie. sizes: of all classes [K]. A vote counts one over the size of the voter's
    class, so that a class wins whose samples are dense there for how many it has. By plain votes
    large classes, which have samples everywhere, would win most images of small ones.

    >>> import numpy as np
    >>> from rebalance.appraisal.membership import balanced_vote
    >>> around = np.array([[0, 0, 1], [0, 0, 0]])
    >>> balanced_vote(around, np.array([1, 1]), np.array([90, 10])).winner.tolist()
    [1, 0]
    """
    found = Vote(*(np.empty(len(said), np.int64) for _ in range(3)))
    step = max(1, VOTES_AT_ONCE // max(1, len(sizes)))
    for start in range(0, len(said), step):
        rows = slice(start, start + step)
        own, places = said[rows], np.arange(len(said[rows]))
        votes = np.zeros((len(own), len(sizes)), np.int64)
        np.add.at(votes, (places[:, None], around[rows]), 1)
        best = (votes / np.maximum(sizes, 1)).argmax(axis=1)
        # In whole numbers, for quotients that are equal may not be so as floats.
        holds = votes[places, own] * sizes[best] >= votes[places, best] * sizes[own]
        holds &= sizes[own] > 0
        winner = np.where(holds, own, best)
        found.winner[rows] = winner
        found.own[rows], found.others[rows] = votes[places, own], votes[places, winner]
    return found
