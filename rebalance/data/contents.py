"""A file that was taken for an image and is none is told by how it begins.

Imports nothing.
"""

SECTOR = 512  # bytes that a file system gives at least

# What begins as these bytes, from a place in the file on; a name for whoever looks for the picture.
CONTENTS = (
    (0, b"version https://git-lfs", "a Git LFS pointer, not the image: fetch it with git lfs pull"),
    (0, b"PK\x03\x04", "a ZIP archive, not an image"),
    (0, b"\x00\x05\x16\x07", "notes of macOS beside a file, not an image"),
)
# Images that are read under another ending: how they begin, what they are, what to do.
MISNAMED = (
    (4, b"ftypavif", "an AVIF image", "rename it to .avif, for --extensions .avif"),
    (4, b"ftypheic", "a HEIC image", "rename it to .heic, for --extensions .heic"),
    (4, b"ftypmif1", "a HEIF image", "rename it to .heif, for --extensions .heif"),
    (4, b"jP  ", "a JPEG 2000 image", "rename it to .jp2, for --extensions .jp2"),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 image", "rename it to .j2k"),
)
PAGES = (b"<!doctype html", b"<html", b"<head")
DRAWINGS = (b"<svg", b"<?xml")


def what_it_is(data: bytes) -> str:
    """Name what a file is that is no image of the formats that are read.

    >>> from rebalance.data.contents import what_it_is
    >>> what_it_is(b"<!DOCTYPE html><html>404</html>")
    'a web page (HTML), not an image: fetch it again'
    """
    for start, beginning, name in CONTENTS:
        if data.startswith(beginning, start):
            return name
    for start, beginning, name, remedy in MISNAMED:
        if data.startswith(beginning, start):
            return f"{name} under another name: {remedy}"
    text = data[:256].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(PAGES):
        return "a web page (HTML), not an image: fetch it again"
    if text.startswith(DRAWINGS):
        return "a drawing or text in XML (SVG), not an image of pixels"
    if len(data) >= SECTOR and not data.strip(b"\0"):
        return "all zeros: a placeholder of a cloud folder, or a copy that failed"
    return "not an image (unknown format)"


def is_misnamed(data: bytes) -> bool:
    """Tell whether it is an image that would be read under another name."""
    return any(data.startswith(beginning, start) for start, beginning, _, _ in MISNAMED)
