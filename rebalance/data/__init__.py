"""Images on disk: the folder, each file, the manifest in its place, and how a set is divided.

What every command needs before it decides anything. Never imports torch or click; the pixels are
Pillow's.
"""
