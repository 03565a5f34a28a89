"""Columns of a table are found by the name that was given, or by usual names.

Imports the standard library and nothing else of this package.
"""

from collections.abc import Sequence
from dataclasses import dataclass

PATH_NAMES = (
    "file_name", "filename", "file", "file_path", "filepath", "path", "image", "image_path",
    "image_name", "image_file", "img", "img_path", "fname",
)  # fmt: skip
# Names that a table of images may also have beside one of those above.
PATH_NAMES_TOO = (
    "id", "id_code", "image_id", "imageid", "img_id", "image_index", "img_name", "imagename",
    "imagepath", "imagefile", "image_filename", "name", "photo", "photo_id", "picture", "filenames",
    "uri", "url", "image_url", "uuid",
)  # fmt: skip
LABEL_NAMES = ("label", "labels", "label_name", "class", "class_name", "target", "category")
LABEL_NAMES_TOO = (
    "diagnosis", "breed", "species", "finding_labels", "dx", "class_id", "classid", "classname",
    "label_id", "labelid", "category_id", "ground_truth", "y",
)  # fmt: skip
# Columns of such names hold neither, and are not taken for being the only ones that are left.
OTHER_NAMES = (
    "split", "subset", "fold", "is_valid", "width", "height", "size", "index", "source", "md5",
)  # fmt: skip
GROUP_NAMES = (
    "patient", "patient_id", "patientid", "subject", "subject_id", "case", "case_id", "lesion_id",
    "group_id", "groups", "session", "session_id", "individual", "location", "site",
)  # fmt: skip


@dataclass(frozen=True)
class Column:
    """A column to look for.

    key: what it is known by. what: its content in words. names: usual names, whatever their case,
    those of an earlier tuple before those of a later. option: says its name on the command line.
    given: its name, where it was told. by_rest: whether it may be the only column that is left.
    """

    key: str
    what: str
    names: tuple[tuple[str, ...], ...]
    option: str | None = None
    given: str | None = None
    by_rest: bool = True

    def places(self, header: Sequence[str]) -> list[int]:
        """Return the positions in the header that it may be at: none, one, or several."""
        if self.given is not None:
            exact = [place for place, name in enumerate(header) if name == self.given]
            return exact or [
                place for place, name in enumerate(header) if name.strip() == self.given.strip()
            ]
        for names in self.names:
            found = [place for place, name in enumerate(header) if plain(name) in names]
            if found:
                return found
        return []


def plain(name: str) -> str:
    """Return a column's name without what people write differently.

    >>> from rebalance.tables.columns import plain
    >>> plain(" Image Path")
    'image_path'
    """
    bare = name.strip().strip("\ufeff").lower()
    return bare.replace(" ", "_").replace("-", "_")


FILE = Column("path", "the path of each image", (PATH_NAMES, PATH_NAMES_TOO), "--path-column")
LABEL = Column("label", "the label of each image", (LABEL_NAMES, LABEL_NAMES_TOO), "--label-column")
GROUP = Column(
    "group",
    "the group of each image",
    (("group",), ("source_image",), GROUP_NAMES),
    "--group-column",
)
