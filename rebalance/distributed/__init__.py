"""The processes that torchrun starts: what they do together, and how they end.

Imports torch only where there are several processes; never click.
"""
