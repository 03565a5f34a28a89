"""Advice about a folder's imbalance: looks, trials by rounds, a choice, its command lines."""
