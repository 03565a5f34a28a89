"""What a choice of images is worth: how well those kept cover the rest, and which look misplaced.

Works on features alone: reads no files, chooses nothing, and may not import torch or click.
"""
