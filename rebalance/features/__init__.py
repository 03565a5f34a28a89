"""Features of images: which network describes them, and the table and the cache that keep them.

``extraction`` is the way in: it reads what the cache has and computes what it lacks. Imports torch
only when a network is to run; never click.
"""
