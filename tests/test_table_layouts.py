"""The same rows, whichever way a table is laid out; and what people's tables really look like."""

import csv
import io
import json
from pathlib import Path
from unicodedata import normalize
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from rebalance import import_csv
from rebalance.errors import DataError
from rebalance.manifest import Manifest, Row, read_manifest, write_manifest

# Names with what gets lost: case, accents, spaces, dots, and what stands between cells.
ROWS = (
    ("cat/1 a.png", "cat"),
    ("cat/02.png", "Größe, cm"),
    ("dog/Ünder.png", "x;y"),
    ("dog/v1.2.png", "a b"),
    ("dog/03.png", 'say "é"'),
    ("fox/in/deep.png", "c|d"),
)
STYLES = {
    "plain": lambda path: path,
    "dot": lambda path: f"./{path}",
    "backslashes": lambda path: path.replace("/", "\\"),
    "windows": lambda path: "C:\\Users\\José\\set 1\\" + path.replace("/", "\\"),
    "elsewhere": lambda path: f"/home/me/set/{path}",
    "above": lambda path: f"photos/{path}",
    "url": lambda path: f"https://host.org/set/{quote(path)}?size=9",
    "upper": lambda path: path[:-4] + ".PNG",
    "bare": lambda path: path[:-4],
    "jpg": lambda path: path[:-4] + ".jpg",
    "composed": lambda path: normalize("NFD", path),
    "spaces": lambda path: f"{path} ",
    "end": lambda path: path.split("/", 1)[1],
}
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252")
HEADERS = (("path", "label"), ("File Name", "Class"), ("image_id", "target"), ("Image Index", "dx"))


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("photos")
    for path, _ in ROWS:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


@st.composite
def layouts(draw):
    """One way to write the rows: bytes."""
    delimiter = draw(st.sampled_from(",;\t| "))
    encoding = draw(
        st.sampled_from(
            ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]
        )
    )
    style = draw(st.sampled_from(sorted(STYLES)))
    assume(not (encoding == "cp1252" and style == "composed"))
    header = draw(st.sampled_from((*HEADERS, None)))
    # Without a header images are known by their extensions.
    assume(header is not None or style not in ("bare", "url"))
    pad = draw(st.sampled_from(("", " "))) if delimiter != " " else ""
    columns = {
        "path": [STYLES[style](path) for path, _ in ROWS],
        "label": [pad + label + pad for _, label in ROWS],
    }
    names = dict(zip(("path", "label"), header or ("", ""), strict=True))
    if header is not None:
        if delimiter != " ":
            names[""] = draw(st.sampled_from(("", "Unnamed: 0")))
            columns[""] = [str(number) for number in range(len(ROWS))]
        names["more"], columns["more"] = "width", ["640"] * len(ROWS)
    order = draw(st.permutations(sorted(columns)))
    lines = [[columns[name][number] for name in order] for number in range(len(ROWS))]
    if header is not None:
        lines.insert(0, [names[name] for name in order])
    quoting = draw(st.sampled_from((csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC)))
    ending = draw(st.sampled_from(("\n", "\r\n", "\r")))
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=ending).writerows(lines)
    return (text.getvalue() + draw(st.sampled_from(("", ending)))).encode(encoding)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=layouts())
def test_the_same_rows_are_read_from_any_layout(tmp_path, photos, content):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    found = import_csv(path, root=photos)
    assert found.rows == tuple(Row(*row) for row in ROWS)


SAMPLES = (
    Row("cat/1.png", "cat", cluster=3, distance=0.5),
    Row("cat/2 ä.png", "cat", "synthetic", "cat/1.png", 0.25),
    Row("dog;/3.png", "dog, big", "duplicate"),
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    order=st.permutations(
        ["file_name", "label", "kind", "partner", "weight", "cluster", "distance", "", "note"]
    ),
    missing=st.sampled_from(["", "NaN", "nan", "<NA>", "None", "NULL"]),
    dialect=st.sampled_from([(",", "."), (";", ","), ("\t", "."), ("|", ",")]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    ending=st.sampled_from(["\n", "\r\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_a_manifest_is_the_same_in_any_layout(
    tmp_path, order, missing, dialect, encoding, ending, quoting
):
    path = tmp_path / "m.csv"
    classes = ("cat", "dog, big")
    record = {"classes": list(classes), "root": "/photos"}
    manifest = Manifest(Path("/photos"), classes, SAMPLES, record=record)
    write_manifest(path, manifest, overwrite=True)

    def cell(name, row):
        value = getattr(row, name, 1)
        if isinstance(value, int | float):
            return str(float(value)).replace(".", dialect[1])
        return missing if value is None else value

    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=dialect[0], quoting=quoting, lineterminator=ending)
    writer.writerow(order)
    writer.writerows([cell(name, row) for name in order] for row in SAMPLES)
    path.write_bytes(text.getvalue().encode(encoding))
    assert read_manifest(path).rows == SAMPLES


# --- as users meet it ---------------------------------------------------------------------------


@pytest.fixture
def images(tmp_path, make_folder) -> Path:
    return make_folder(tmp_path / "images", {"cat": 3, "dog": 2})


NAMES = [*(f"cat/{n:03d}" for n in range(3)), *(f"dog/{n:03d}" for n in range(2))]


def listing(change=lambda name: f"{name}.png", label=lambda name: name[:3], sep=",", head="path"):
    lines = [f"{head}{sep}label"] + [f"{change(name)}{sep}{label(name)}" for name in NAMES]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (listing(lambda n: f"{n}.png".replace("/", "\\")), "with backslashes as separators"),
        (listing(lambda n: f"C:\\me\\{n}.png".replace("/", "\\")), "without the prefix 'C:/me'"),
        (listing(sep=";"), "divided by semicolons"),
        (listing(lambda n: n, head="id_code"), "whatever their extension"),
        (listing(lambda n: f"{n}.PNG"), "whatever the case of letters"),
        (listing(lambda n: f"https://x.org/a/{n}.png"), "as the paths of URLs"),
        (listing().split("\n", 1)[1], "no line names the columns"),
        (listing(label=lambda n: n[:3] + " " * n.endswith("1")), "'cat' and 'cat '"),
    ],
)
def test_import_takes_tables_of_others_and_says_how(tmp_path, images, run, text, said):
    table = tmp_path / "t.csv"
    table.write_text(text)
    done = run("import", table, "-o", tmp_path / "m.csv", "--root", images)
    assert done.status == 0, done.err
    manifest = read_manifest(tmp_path / "m.csv")
    assert [row.file_name for row in manifest.rows] == [f"{name}.png" for name in NAMES]
    assert manifest.counts == {"cat": 3, "dog": 2}
    assert done.err.count(said) == 1
    record = json.loads((tmp_path / "m.json").read_text())
    assert sum(said in each for each in record["source"]["reading"]) == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (listing(lambda n: f"{n}.png".replace("/", "\\")) + "cat\\009.png,cat\n",
         "line 7: no file 'cat.{2}009.png' in .*; the nearest is 'cat/00.*; paths read with "
         "backslashes as separators find 5 of 6 rows: correct the paths"),
        (listing(lambda n: f"{n}.PNG") + "cat\\002.png,cat\n", "line 7: .*nearest is 'cat/002"),
        (listing(lambda n: f"/set/{n}.tif") + "/other/cat/000.tif,cat\n",
         "line 7: no file '/other/cat/000.tif' in .*nearest is 'cat/000.png', which would "
         "match without the prefix '/other', whatever their extension"),
        (listing(lambda n: f"https://x.org/{n[4:]}{n[0]}.png"), "line 2: .*: download the images"),
        (listing(label=lambda n: "cat|dog" if n.endswith("1") else n[:3]),
         "'cat.dog' in line 3, which may be one class or 2"),
        (listing(lambda n: f"{n}.png", label=lambda n: n[:3]).replace("cat/000", "cat/7"),
         None),
    ],
)  # fmt: skip
def test_import_says_what_is_wrong_and_where(tmp_path, images, run, text, told):
    table = tmp_path / "t.csv"
    table.write_text(text)
    done = run("import", table, "-o", tmp_path / "m.csv", "--root", images)
    if told is None:  # a file that is gone is named and left out, as ever
        assert done.status == 0
        assert "unreadable: 'cat/7.png': no such file" in done.err
        assert "the nearest is 'cat/0" in done.err
        return
    assert done.status == 1
    with pytest.raises(AssertionError, match=told):
        raise AssertionError(done.error)
    assert not (tmp_path / "m.csv").exists()


def test_ids_that_two_files_have_are_refused(tmp_path, images):
    (images / "cat" / "000.jpg").touch()
    (tmp_path / "t.csv").write_text(listing(lambda n: n))
    with pytest.raises(
        DataError, match=r"line 2: 'cat/000' may be 'cat/000\.jpg' or 'cat/000\.png'"
    ):
        import_csv(tmp_path / "t.csv", root=images)


def test_paths_that_two_ways_find_are_refused(tmp_path, make_folder):
    root = make_folder(tmp_path / "images", {"cat": 2, "b/cat": 2})
    text = "path,label\na/b/cat/000.png,x\na/b/cat/001.png,x\n"
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(
        DataError, match=r"may be 'cat/000\.png' .* or 'b/cat/000\.png'|may be 'b/cat"
    ):
        import_csv(tmp_path / "t.csv", root=root)


def test_a_test_set_whose_classes_are_in_another_unicode_form(tmp_path, make_folder, caplog):
    from rebalance.data.samples import open_scoring
    from rebalance.settings import FolderOptions

    root = make_folder(tmp_path / "test", {normalize("NFD", "café"): 2, "dog": 1})
    found = open_scoring(root, ("café", "dog"), FolderOptions(), 0, strict=False)
    assert found.folder.labels == (0, 0, 1)
    assert "'cafe\\u0301' is the class 'caf\\xe9'" in caplog.text
    with pytest.raises(DataError, match="rename that folder to 'Dog', or take it away"):
        open_scoring(root, ("café", "Dog"), FolderOptions(), 0, strict=False)
