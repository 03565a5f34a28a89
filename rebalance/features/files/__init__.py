"""Files of features that somebody else computed, as the tools of the field write them.

Start with ``formats.read_feature_file``. A format is one module, and one line in
``formats.FORMATS``. Files are data, never programs: nothing in them is unpickled. What a file says
of itself is held to its size before memory is taken for it, and arrays that lie in it as they are
stay there, and are read piece by piece. Imports numpy, and what a format needs when one is read;
never click.
"""

from rebalance.features.files.feature_file import FeatureFile as FeatureFile
from rebalance.features.files.formats import read_feature_file as read_feature_file
