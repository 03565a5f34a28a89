"""Tables taken apart: encodings, cells, labels and columns, one by one."""

import pytest

from rebalance.errors import DataError
from rebalance.tables import FILE, LABEL, cleaned, number, read_as, read_table, whole
from rebalance.tables.decoding import decode

ENDINGS = (".png", ".jpg")
TEXT = "path,label\na.png,Größe\n"


def read(tmp_path, content, columns=(FILE, LABEL)):
    path = tmp_path / "t.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(path, columns, ENDINGS)


def cells(table):
    return list(zip(table.column("path"), table.column("label"), strict=True))


@pytest.mark.parametrize(
    ("encoding", "note"),
    [
        ("utf-8", None),
        ("utf-8-sig", None),
        ("utf-16", "read as UTF-16"),
        ("utf-32", "read as UTF-32"),
        ("utf-16-le", "read as UTF-16-LE, though no mark says so"),
        ("utf-16-be", "read as UTF-16-BE, though no mark says so"),
        ("cp1252", "code page 1252, with 'Größe'"),
    ],
)
def test_an_encoding_is_found_out_and_said(encoding, note):
    text, notes = decode(TEXT.encode(encoding))
    assert text == TEXT
    assert [note is not None and note in each.text for each in notes] == [True] * bool(note)
    assert [each.doubtful for each in notes] == ([encoding == "cp1252"] if note else [])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"PK\x03\x04...", "is an Excel workbook"),
        (b"\x1f\x8b...", "is compressed by gzip"),
        (b"PAR1...", "is a Parquet file"),
        (b"\x89PNG...", "is an image"),
        (b"path,label\n\0\0,a\n", "is no text, for it holds zero bytes"),
        (b"path,label\n\x81,a\n", "neither in UTF-8 nor in Windows' code page 1252, as in line 2"),
        ("ä\n".encode() + "ö".encode("cp1252"), "partly in UTF-8 and partly not, as in line 2"),
        ("path".encode("utf-16") + b"x", "damaged at byte 10"),
    ],
)
def test_what_is_no_text_is_named_as_what_it_is(content, told):
    with pytest.raises(ValueError, match=told):
        decode(content)


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("3.0", 3), ("-2", -2), ("3,0", 3), ("1e2", 100), ("", None), ("NA", None)],
)
def test_whole_numbers(text, value):
    assert whole(text) == value


@pytest.mark.parametrize("text", ["1.5", "x", "1e400", "1,000", "9" * 5000, "1,", ",", "inf"])
def test_what_is_no_whole_number_is_refused(text):
    with pytest.raises(ValueError, match=r"needed|may be"):
        whole(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("0,5", 0.5), (",5", 0.5), ("0,125", 0.125), ("-1,5e3", -1500), ("nan", None)],
)
def test_numbers(text, value):
    assert number(text) == value


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("00007", "the number 7"), ("1e5", "the number 100000"), ("-1.50", "the number -1.5"),
        ("1_000", "the number 1000"), ("inf", "the number inf"), ("0x1F", "a number"),
        ("TRUE", "a truth value"), ("false", "a truth value"), ("NA", "a missing value"),
        ("null", "a missing value"), ("2020-01-02", "a date or time"), ("1/2", "a date or time"),
        ("3-4-20", "a date or time"), ("12:30", "a date or time"), ("SEPT2", "a date or time"),
        ("MAR1", "a date or time"), ("2-Jan", "a date or time"), ("n01440764", None), ("cat", None),
        ("7 cats", None), ("e5", None), ("a/b", None), ("10x", None),
    ],
)  # fmt: skip
def test_what_programs_take_for_no_text(text, kind):
    assert read_as(text) == kind


def test_labels_are_one_where_nobody_sees_a_difference():
    labels = ["cat", "cat ", "\u00a0cat", "cat\ufeff", "caf\u00e9", "cafe\u0301", "dog"]
    found, notes = cleaned(labels)
    assert list(found.values()) == ["cat"] * 4 + ["caf\u00e9"] * 2 + ["dog"]
    (note,) = notes
    assert note.doubtful and "'caf\\xe9' and 'cafe\\u0301'" in note.text and "'cat '" in note.text


def test_labels_that_look_alike_are_told_and_kept():
    found, notes = cleaned(["Cat", "cat", "cat", "c\u200bat", "1", "1.0", "a  b", "a b", "x"])
    assert all(label == each for label, each in found.items())
    (note,) = notes
    assert note.doubtful
    for told in (
        "'Cat' (1 rows) and 'cat' (2 rows)",
        "'1' (1 rows) and '1.0'",
        "'a  b'",
        "u200bat",
    ):
        assert told in note.text


def test_plain_labels_need_no_word():
    assert cleaned(["cat", "dog", "cafe\u0301"])[1] == []


@pytest.mark.parametrize(
    "content",
    [
        "path,label\na.png,x\nb.png,y z\n",
        "path;label\na.png;x\nb.png;y z\n",
        "path\tlabel\na.png\tx\nb.png\ty z\n",
        "path|label\na.png|x\nb.png|y z\n",
        'path label\na.png x\nb.png "y z"\n',
        'path   label\na.png   x \n  b.png "y z"\n',
        "sep=;\npath;label\na.png;x\nb.png;y z\n",
        '"sep=^"\r\npath^label\r\na.png^x\r\nb.png^y z\r\n',
        '"path", "label"\n"a.png", "x"\n"b.png", "y z"\n',
        "'path','label'\n'a.png','x'\n'b.png','y z'\n",
        "path,label\ra.png,x\rb.png,y z\r",
        "path,label,,\na.png,x,,\nb.png,y z,,\n,,,\n",
        "path,label\na.png,x,\nb.png,y z,,\n,\n",
        ",path,label\n0,a.png,x\n1,b.png,y z\n",
        '"path"\t"label"\n"1"\t"a.png"\t"x"\n"2"\t"b.png"\t"y z"\n',  # R names its rows
        "Image Index,Finding Labels,n\na.png,x,1\nb.png,y z,2\n",
        "id_code,diagnosis\na.png,x\nb.png,y z\n",
        "Image,Id\na.png,x\nb.png,y z\n",
        "photo of it;label;n\na.png;x;1\nb.png;y z;2\n",
        "a.png,x\nb.png,y z\n",
        'a.png x\nb.png "y z"\n',
        "x;a.png\ny z;b.png\n",
        '{"path": "a.png", "label": "x", "size": [1, 2]}\n\n{"label": "y z", "path": "b.png"}\n',
    ],
)
def test_a_table_is_the_same_however_it_is_written(tmp_path, content):
    assert cells(read(tmp_path, content)) == [("a.png", "x"), ("b.png", "y z")]


def test_what_was_not_plain_is_noted(tmp_path):
    def notes(content):
        return [note.text for note in read(tmp_path, content).notes]

    assert notes("path,label\na.png,x\n") == []
    assert notes("path;label\na.png;x\n") == ["its cells are divided by semicolons"]
    assert notes("a.png,x\n") == [
        "no line names the columns; taken are the path of each image in column 1, the label of "
        "each image in column 2"
    ]
    (note,) = notes("image,Id\na.png,x\n")
    assert note == "column 'Id' is taken for the label of each image: there is no other"
    (note,) = notes("thing,label,n\na.png,x,1\nb.png,y,2\n")
    assert note == "column 'thing' is taken for the path of each image, since it names images"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("path;x,label\na.png;x,b\n", "may be divided by commas or semicolons, .*: keep one"),
        ("a.png,b.png,x\nc.png,d.png,y\n", "needs one column with the path .* found none"),
        ("path,split\na.png,train\n", "found none among 'path', 'split' columns"),
        ('{"a": 1}', "found none among 'a' columns"),
        ('{"a": {"b": 1}, \n"c": 2}', "is JSON, but no object in each line"),
        ('[{"path": "a.png"}]', "is JSON, but no object in each line"),
        ('{"path": "a.png", "label": "x"}\noops\n', "is JSON, but no object in each line"),
        ("[" * 100_000, "is JSON, but no object in each line"),
        ("", "found none among no columns"),
        ("\n\n", "found none among no columns"),
        ('path,label\na.png,"x\n', "line 2: unexpected end of data"),
        ("path,label\n" + "a.png,x\n" * 300 + 'b.png,"y" z\n', "line 302: ',' expected after"),
        ("path,label\na.png\n", "line 2: has more or fewer cells"),
    ],
)
def test_a_table_that_is_not_clear_is_refused_in_one_line(tmp_path, content, told):
    with pytest.raises(DataError, match=told) as refusal:
        read(tmp_path, content)
    assert "\n" not in str(refusal.value) and str(tmp_path / "t.csv") in str(refusal.value)
