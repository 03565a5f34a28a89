"""The networks: devices, architectures, heads, transforms and checkpoints.

Nothing is imported here: ``headers``, ``devices`` and ``transforms`` can be used without loading
torch, and a run that finds all its features in the cache never does. No module here imports click,
scikit-learn or umap.
"""
