"""Features of images: the networks that describe them, and the table and cache that keep them.

Start with ``extraction``: it reads what the cache has and computes what it lacks. Imports torch
only when a network is to run; never click.
"""
