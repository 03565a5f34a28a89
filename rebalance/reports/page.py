"""The page that every report is: a filled-in template that fetches nothing from anywhere.

Whatever names hold is shown as text: templates escape all they are given. May not import torch or
click; jinja2 is imported when a page is made.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from rebalance import __version__
from rebalance.atomic import replacing
from rebalance.errors import OutputError, SettingError
from rebalance.frames import TypedColumn, chosen_table, pandas_frame
from rebalance.manifest import check_writable

if TYPE_CHECKING:
    import pandas
    from jinja2 import Environment
    from markupsafe import Markup

JOINTS = re.compile(r"(?<=[/_])(?=[^/_\s])")
TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Picture:
    """A picture inside the page.

    source: a ``data:`` address. alt: what it shows, for those who do not see it. width, height: in
    CSS pixels; the page shows it no wider than there is room. caption: the line below it. files:
    what a photograph shows: the name of each tile's file, row by row of ``columns``, "" for what is
    in none; empty for a drawing. data: what scripts are to know of it, by name.
    """

    source: str
    alt: str
    width: int
    height: int
    caption: str = ""
    files: Sequence[str] = ()
    columns: int = 1
    data: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """Rows under a header; numbers stand on the right, everything else on the left.

    caption: what the table shows. shares: where given, one number from 0 to 1 for each row, drawn
    as a bar in a last column of its own under the name ``share_title``.
    """

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str | int | float | None]]
    shares: Sequence[float] = ()
    share_title: str = ""


@dataclass(frozen=True)
class Report:
    """A finished page, and its figures as files: their names in one folder, and what they hold.

    tables: what the page of a manifest says in numbers, by name; others have none.
    """

    text: str
    figures: Mapping[str, bytes]
    tables: Mapping[str, Sequence[TypedColumn]] = field(default_factory=dict)

    def to_pandas(self, table: str = "classes") -> "pandas.DataFrame":
        """Make a DataFrame of what the page says of the classes, or of their ``clusters``.

        Raises OutputError where pandas is not installed, SettingError for another table, and for a
        page that is not about a manifest.
        """
        if not self.tables:
            raise SettingError(
                "tables are those of a manifest, and this page is about none: what it says is in "
                "the JSON that it was made of"
            )
        return pandas_frame(chosen_table(self.tables, table))

    @property
    def size(self) -> int:
        """The size of the page in bytes."""
        return len(self.text.encode("utf-8"))

    @property
    def pictures(self) -> int:
        """The number of pictures that the page shows."""
        # No name can be taken for one: the page escapes what names hold.
        return self.text.count("<img ")


def data_address(data: bytes, kind: str) -> str:
    """Return an address that holds ``data`` of the MIME type ``kind``."""
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"


def svg_address(svg: bytes) -> str:
    """Return an address that holds an SVG file as text, which base64 would make a third longer."""
    # Quotes and angle brackets would be escaped in the page; the rest may stand as it is.
    return "data:image/svg+xml," + quote(svg, safe=" /:;=+,()!@$*?&[]{}|^~")


def render(template: str, **context: Any) -> str:
    """Fill in the template of that name; it extends ``base.html``, which needs a ``title``."""
    page = _environment().get_template(template)
    # A file name that is not UTF-8 holds lone surrogates, which no page can.
    text = page.render(version=__version__, **context)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def check_page(path: Path | str, *, overwrite: bool) -> Path:
    """Return ``path`` as a place for a page; called before anything expensive.

    Raises OutputError as ``manifest.check_writable``, and for a name that does not end in .html.
    """
    path = Path(path)
    if path.suffix.lower() not in (".html", ".htm"):
        raise OutputError(f"a page is a .html file; got {str(path)!r}: name it like R.html")
    check_writable(path, overwrite=overwrite)
    return path


def write_page(path: Path | str, text: str, *, overwrite: bool = False) -> None:
    """Write a page, whole or not at all. Raises OutputError as ``check_page``."""
    with replacing(check_page(path, overwrite=overwrite)) as (partial,):
        partial.write_text(text, encoding="utf-8", newline="\n")


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = number
    environment.filters["breakable"] = _breakable
    environment.tests["numeric"] = lambda value: isinstance(value, int | float)
    return environment


def number(value: float | None) -> str:
    """Write a number for people: whole ones with thousands apart, others with three digits."""
    if value is None:
        return ""
    if isinstance(value, int):
        return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    return f"{value:.3f}"


def _breakable(text: str) -> "Markup":
    """Escape a text in which a line may end where parts of a name meet: after a slash or a _."""
    from markupsafe import Markup, escape

    return Markup("<wbr>").join(escape(part) for part in JOINTS.split(str(text)))
