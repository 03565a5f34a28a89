"""The files that other readers of image folders open, by the endings of their names.

Imports nothing. Ours are ``folder.EXTENSIONS``.
"""

TIMM_ENDINGS = (".png", ".jpg", ".jpeg")  # unless it is told of others
ULTRALYTICS_ENDINGS = (
    *(".avif", ".bmp", ".dng", ".heic", ".heif", ".jp2", ".jpeg", ".jpg", ".mpo", ".png"),
    *(".tif", ".tiff", ".webp"),
)
