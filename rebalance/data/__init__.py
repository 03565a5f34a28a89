"""Images on disk: the folder, each file, the manifest in its place, and how a set is divided.

Every command needs this before it decides anything. Never imports torch or click; pixels are read
by Pillow.
"""
