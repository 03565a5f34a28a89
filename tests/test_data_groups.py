"""Lists of groups: which column, whose file, and what is refused."""

import pytest

from rebalance.data.groups import groups_of, read_groups
from rebalance.errors import DataError

IMAGES = ["cat/1.png", "cat/2.png", "dog/3.png"]
EXPECTED = ["p1", "p2", "p1"]


@pytest.fixture
def listed(tmp_path):
    def write(text, encoding="utf-8"):
        path = tmp_path / "groups.csv"
        path.write_bytes(text.encode(encoding))
        return path

    return write


def test_groups_are_read_by_the_first_column_that_fits(listed):
    path = listed('\ufeffpath,class,source_image\n"a/1,x.png",a,p1\nb/2.png,b,p2\n')
    assert read_groups(path) == {"a/1,x.png": "p1", "b/2.png": "p2"}
    path = listed("source_image,path,group,file_name\nno,no,g,yes\nno,no,g,yes\n")
    assert read_groups(path) == {"yes": "g"}


def test_the_column_can_be_named(listed):
    path = listed("file_name,group,Hospital\na,1,x\nb,2,x\n")
    assert read_groups(path, "Hospital") == {"a": "x", "b": "x"}
    with pytest.raises(DataError, match=r"one column named 'hospital'.*--group-column"):
        read_groups(path, "hospital")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("thing,group,x\n1,2,3\n", "needs one column with the path of each image; .*call it file"),
        ("file_name,doctor,x\n1,2,3\n", "needs one column with the group .*--group-column"),
        ("file_name,patient_id,session\n1,2,3\n", "found 'patient_id', 'session' among"),
        ("", "found none among no columns"),
        ("file_name,group\na,1\nb,\n", "line 3: file_name and group must not be empty"),
        ("file_name,group\na,1\nb\n", "line 3: has more or fewer cells"),
        ("file_name,group\na,1\na,2\n", "line 3: 'a' is of '2', and was of '1'"),
        ('file_name,group\n"a,1\n', "unexpected end of data"),
    ],
)
def test_a_list_of_groups_that_cannot_be_is_refused(listed, text, told):
    path = listed(text)
    with pytest.raises(DataError, match=told) as refusal:
        read_groups(path)
    assert "\n" not in str(refusal.value) and str(path) in str(refusal.value)


def test_a_list_of_groups_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DataError, match="no list of groups"):
        read_groups(tmp_path / "none.csv")


def test_images_without_a_group_are_named():
    assert groups_of(["a", "b"], {"b": "2", "a": "1", "c": "3"}) == ["1", "2"]
    with pytest.raises(DataError, match="2 of 3 have none; the first is 'x'; the nearest in the "):
        groups_of(["a", "x", "y"], {"a": "1"})


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ("file_name;group\ncat/1.png;p1\ncat/2.png;p2\ndog/3.png;p1\n", ""),
        ("image_id,patient_id,dx\n1,p1,a\n2,p2,a\n3,p1,b\n9,p3,b\n", "by the ends of their paths"),
        ("path,group\nC:\\d\\cat\\1.png,p1\nC:\\d\\cat\\2.png,p2\nC:\\d\\dog\\3.png,p1\n",
         "with backslashes as separators, by the ends"),
        ("path,group\ncat/1.PNG,p1\ncat/2.PNG, p2\ndog/3.PNG,p1 \n", "whatever the case"),
        ("cat/1.png p1\ncat/2.png p2\ndog/3.png p1\n", ""),
    ],
)  # fmt: skip
def test_images_are_found_however_a_list_writes_them(listed, caplog, text, how):
    caplog.set_level("INFO")
    assert groups_of(IMAGES, read_groups(listed(text))) == EXPECTED
    assert how in caplog.text


def test_an_image_that_may_be_of_two_groups_is_refused(listed):
    listing = read_groups(listed("path,group\na/1.png,p1\nb/1.png,p2\n"))
    with pytest.raises(DataError, match=r"may be 'a/1\.png' or 'b/1\.png' in the list"):
        groups_of(["1.png"], listing)
    listing = read_groups(listed("path,group\nA\\1.png,p1\nA/1.png,p2\nb\\2.png,p2\n"))
    with pytest.raises(DataError, match="which is the same file, as of 'p2'"):
        groups_of(["A/1.png", "b/2.png"], listing)


def test_groups_that_only_spaces_tell_apart_are_one(listed, caplog):
    assert set(read_groups(listed("path,group\na,p1\nb,p1 \nc,P1\n")).values()) == {"p1", "P1"}
    assert "groups that look alike" in caplog.text
