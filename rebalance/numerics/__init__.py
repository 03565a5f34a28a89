"""Linear algebra that gives the same bytes for any number of threads, and loops compiled once.

It knows nothing of images or classes. Imports numpy; numba and scipy only when a function needs
them.
"""
