"""Linear heads on features that stay as they are: how features are scaled, and what is fitted.

Everything is a function of arrays. May not import torch or click.
"""
