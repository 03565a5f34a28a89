"""Which way of picking keeps the rare subclasses, and does a classifier gain by it?

    python -m benchmarks.coverage DATA --truth labels.csv --test TEST --thin 20

For a folder whose true subclasses are known, each class is thinned so that they are as unequal as
asked (every subclass takes every rank in turn, over the seeds) and cut to a number of images. The
table says how many of the subclasses are still there ("present"), how evenly they share the images
("even": exp of the entropy of the shares over the number of subclasses; "entropy": the entropy over
that of equal shares), and the smallest gain over random, averaged over seeds, among the classes.
The last columns hold each method's "even" against that of ``coverage``, case by case, with the 95 %
interval. ``--merge a,b,c`` takes classes of a folder for the kinds of one, where no table of
subclasses is at hand. Other tools are candidates too where they are installed: see ``peers``.
``vote`` and ``equal`` are no methods: they know the truth, and say how far any could come.
The last table is of a linear probe on the features of images kept when all classes are cut to the
smallest: balanced accuracy, the difference from random with its 95 % interval over seeds (t), and
the difference in recall of the class that fares worst beside random.
"""

from benchmarks.coverage.kept import Case, cases, kept_shares
from benchmarks.coverage.samples import Features, Positions, extracted

__all__ = ["Case", "Features", "Positions", "cases", "extracted", "kept_shares"]
