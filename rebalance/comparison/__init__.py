"""Which extractor sees the difference between the classes of some images, each judged alike.

Imports torch only where features are computed; never click.
"""
