"""folder.scan, held against torchvision.datasets.ImageFolder."""

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st

from rebalance.data.folder import EXTENSIONS, ImageFolder, Unreadable, scan
from rebalance.data.listing import is_hidden
from rebalance.errors import DataError

NOBODY = 65534


def plant(root: Path, *files: str) -> Path:
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def as_torchvision_reads(root: Path, allow_empty: bool = False) -> ImageFolder:
    reference = torchvision.datasets.ImageFolder(str(root), allow_empty=allow_empty)
    paths = [path[len(str(root)) + 1 :] for path, _ in reference.samples]
    shown = [place for place, path in enumerate(paths) if not passed_over(path)]
    classes = [name for name in reference.classes if not is_hidden(name)]
    labels = [classes.index(paths[place].split("/")[0]) for place in shown]
    return ImageFolder(root, tuple(classes), tuple(paths[place] for place in shown), tuple(labels))


def passed_over(path: str) -> bool:
    """What torchvision takes and we do not: hidden folders, and macOS's notes beside files."""
    *folders, name = path.split("/")
    return any(map(is_hidden, folders)) or name.startswith("._")


@contextmanager
def without_root_rights() -> Iterator[None]:
    """The superuser may read everything, so give that up where the tests run as it."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def public_path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


def refusal(root: Path | str, **options: bool) -> str:
    with pytest.raises(DataError) as caught:
        scan(root, **options)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


TREES = {
    "plain": ["b/2.jpg", "b/1.jpg", "a/1.png"],
    "one class": ["only/1.jpg"],
    "numbers sort as text": ["class10/1.jpg", "class2/1.jpg", "class2/10.jpg", "class2/9.jpg"],
    "nested": ["a/b/1.jpg", "a/b-c/1.jpg", "a/b/c/1.jpg", "a/1.jpg", "a/zz.jpg", "b/x/y/z/1.jpg"],
    "every extension": [f"a/1{extension}" for extension in EXTENSIONS],
    "mixed case": ["a/1.JPG", "a/2.JpEg", "a/B.Png", "a/c.TIFF", "a/A.webP"],
    "other files": ["a/1.jpg", "a/notes.txt", "a/2.jpg.bak", "a/jpg", "a/.jpg", "a/x.gif", "a/y."],
    "files beside the classes": ["a/1.jpg", "readme.md", "cover.jpg"],
    "hidden": [".cache/1.jpg", "a/.thumbs/1.jpg", "a/._1.jpg", "a/1.jpg"],
    "unicode": ["über/ä.jpg", "猫/猫.png", "🐈/🐈 1.jpg", "zebra/é.jpg", "Zoo/1.jpg"],
    "hostile names": [
        "new\nline/1\n2.jpg",
        "=1+1/=cmd.jpg",
        'a,"b"/c,d.jpg',
        "back\\slash/1.jpg",
        " a /  .jpg",
    ],
    "folder named as an image": ["a/1.jpg/2.jpg", "a/3.jpg"],
    "no split among the classes": ["train/1.jpg", "bus/1.jpg"],
    "lone class named test": ["test/x/1.jpg"],
}


def test_extensions_are_torchvisions() -> None:
    assert torchvision.datasets.folder.IMG_EXTENSIONS == EXTENSIONS


@pytest.mark.parametrize("files", TREES.values(), ids=TREES.keys())
def test_scan_lists_what_torchvision_lists(tmp_path: Path, files: list[str]) -> None:
    plant(tmp_path, *files)
    assert scan(tmp_path) == as_torchvision_reads(tmp_path)


names = st.text("ab-. /é\n\\=,A1", min_size=1, max_size=4).filter(
    lambda name: "/" not in name and name.strip(".") != ""
)
files = st.builds(
    lambda folders, stem, ending: "/".join([*folders, stem + ending]),
    st.lists(names, min_size=1, max_size=4),
    names,
    st.sampled_from([".jpg", ".PNG", ".txt"]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(files, min_size=1, max_size=12))
def test_scan_lists_what_torchvision_lists_on_any_tree(listed: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = plant(Path(name), "always/1.jpg", *listed)
        assert scan(root, allow_empty=True, as_classes=True) == as_torchvision_reads(
            root, allow_empty=True
        )


def test_links_to_classes_folders_and_files_are_followed(tmp_path: Path) -> None:
    outside = plant(tmp_path / "outside", "1.jpg", "deep/2.jpg")
    root = plant(tmp_path / "root", "a/1.jpg")
    (root / "b").symlink_to(outside)
    (root / "a" / "sub").symlink_to(outside / "deep")
    (root / "a" / "0.jpg").symlink_to(outside / "1.jpg")
    (root / "a" / "nowhere.jpg").symlink_to(tmp_path / "absent")
    (root / "broken class").symlink_to(tmp_path / "absent")
    assert scan(root) == as_torchvision_reads(root)
    assert scan(root).paths == (
        "a/0.jpg",
        "a/1.jpg",
        "a/nowhere.jpg",
        "a/sub/2.jpg",
        "b/1.jpg",
        "b/deep/2.jpg",
    )


def test_two_links_to_one_folder_are_both_followed(tmp_path: Path) -> None:
    outside = plant(tmp_path / "outside", "1.jpg")
    root = plant(tmp_path / "root", "a/0.jpg")
    for link in ("x", "y"):
        (root / "a" / link).symlink_to(outside)
    (root / "b").symlink_to(outside)
    assert scan(root) == as_torchvision_reads(root)
    assert scan(root).counts == [3, 1]


def test_a_folder_inside_itself_is_not_entered_again(tmp_path: Path) -> None:
    root = plant(tmp_path, "a/1.jpg", "a/sub/2.jpg", "b/3.jpg")
    (root / "a" / "sub" / "up").symlink_to(root / "a")
    (root / "a" / "self").symlink_to(".")
    (root / "b" / "root").symlink_to("..")
    (root / "b" / "to a").symlink_to("../a")
    (root / "b" / "circle.jpg").symlink_to("circle.jpg")
    assert scan(root).paths == (
        "a/1.jpg",
        "a/sub/2.jpg",
        "b/3.jpg",
        "b/circle.jpg",
        "b/to a/1.jpg",
        "b/to a/sub/2.jpg",
    )


def test_root_is_made_absolute_and_keeps_its_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(tmp_path / "real", "a/1.jpg")
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path)
    assert scan("link").root == tmp_path / "link"
    assert scan("link/").paths == ("a/1.jpg",)


def test_counts_and_take(tmp_path: Path) -> None:
    folder = scan(plant(tmp_path, "a/1.jpg", "b/1.jpg", "b/2.jpg", "c/1.jpg"))
    assert folder.counts == [1, 2, 1]
    part = folder.take([3, 1])
    assert part == ImageFolder(tmp_path, ("a", "b", "c"), ("c/1.jpg", "b/1.jpg"), (2, 1))
    assert part.counts == [0, 1, 1]
    assert folder.take([]).counts == [0, 0, 0]
    assert folder.take(range(4)) == folder


def test_unreadable_names_the_image_and_its_class(tmp_path: Path) -> None:
    folder = scan(plant(tmp_path, "a/1.jpg", "b/1.jpg", "b/2.jpg"))
    assert folder.unreadable(2, "broken link") == Unreadable("b/2.jpg", "b", "broken link")


def test_file_names_that_are_not_utf8_are_kept(tmp_path: Path) -> None:
    plant(tmp_path, "a/1.jpg")
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/a/\xff.jpg")).touch()
    except OSError:
        pytest.skip("this file system stores UTF-8 names only")
    assert scan(tmp_path) == as_torchvision_reads(tmp_path)
    assert scan(tmp_path).paths == ("a/1.jpg", "a/\udcff.jpg")


def test_class_names_and_roots_that_are_not_utf8_are_refused(tmp_path: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    try:
        plant(odd, "a/1.jpg")
    except OSError:
        pytest.skip("this file system stores UTF-8 names only")
    assert r"holds '\udcff'; rename it" in refusal(tmp_path)
    assert "is not valid UTF-8" in refusal(odd)


def test_missing_folder(tmp_path: Path) -> None:
    plant(tmp_path, "file.csv")
    (tmp_path / "link").symlink_to("absent")
    assert "absent' does not exist" in refusal(tmp_path / "absent")
    assert "does not exist" in refusal(tmp_path / "file.csv" / "below")
    assert "is a broken link" in refusal(tmp_path / "link")


def test_file_instead_of_a_folder(tmp_path: Path) -> None:
    plant(tmp_path, "image.jpg")
    assert "image.jpg' is a file" in refusal(tmp_path / "image.jpg")


def test_link_that_leads_to_itself(tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to("circle")
    assert "cannot be read" in refusal(tmp_path / "circle")
    assert "cannot be read" in refusal(tmp_path)


@pytest.mark.parametrize("locked", ["", "a", "a/sub"])
def test_no_permission(public_path: Path, locked: str) -> None:
    plant(public_path, "a/1.jpg", "a/sub/2.jpg")
    (public_path / locked).chmod(0)
    with without_root_rights():
        message = refusal(public_path)
    (public_path / locked).chmod(0o755)
    assert f"no permission to read '{public_path / locked}'" in message


def test_class_behind_a_locked_folder_is_not_lost(public_path: Path) -> None:
    plant(public_path, "root/a/1.jpg", "locked/b/1.jpg")
    (public_path / "root" / "b").symlink_to("../locked/b")
    (public_path / "locked").chmod(0)
    with without_root_rights():
        message = refusal(public_path / "root")
    (public_path / "locked").chmod(0o755)
    assert "no permission to read" in message
    assert "root/b'" in message


def test_images_without_class_folders(tmp_path: Path) -> None:
    assert "images but no class folders" in refusal(plant(tmp_path, "1.jpg", "2.PNG", "notes.txt"))


def test_no_class_folders(tmp_path: Path) -> None:
    assert "holds no class folders" in refusal(tmp_path)
    assert "holds no class folders" in refusal(plant(tmp_path, "notes.txt"))


@pytest.mark.parametrize("allow_empty", [False, True])
def test_no_images_anywhere(tmp_path: Path, allow_empty: bool) -> None:
    plant(tmp_path, "a/notes.txt", "b/deep/film.mp4")
    message = refusal(tmp_path, allow_empty=allow_empty)
    assert "('a', 'b') but no images" in message
    assert ".webp" in message


def test_empty_classes_are_named(tmp_path: Path) -> None:
    plant(tmp_path, "full/1.jpg", "hollow/notes.txt", "new\nline/notes.txt")
    message = refusal(tmp_path)
    assert "2 of the 3 class folders" in message
    assert r"hold none: 'hollow', 'new\nline' (but 2 .txt); remove" in message


def test_at_most_five_empty_classes_are_named(tmp_path: Path) -> None:
    plant(tmp_path, "full/1.jpg", *(f"e{number}/notes.txt" for number in range(7)))
    assert "'e0', 'e1', 'e2', 'e3', 'e4' and 2 more (but 7 .txt);" in refusal(tmp_path)


def test_empty_classes_keep_their_place_when_allowed(tmp_path: Path) -> None:
    plant(tmp_path, "a/x.txt", "b/1.jpg", "c/x.txt", "d/1.jpg")
    folder = scan(tmp_path, allow_empty=True)
    assert folder.classes == ("a", "b", "c", "d")
    assert folder.counts == [0, 1, 0, 1]
    assert folder == as_torchvision_reads(tmp_path, allow_empty=True)


@pytest.mark.parametrize(
    ("files", "suggested"),
    [
        (["train/a/1.jpg", "val/a/1.jpg", "test/a/1.jpg"], "train"),
        (["Training/a/1.jpg", "Testing/a/1.jpg"], "Training"),
        (["training_set/a/1.jpg", "test_set/a/1.jpg"], "training_set"),
        (["train/a/1.jpg", "test/1.jpg"], "train"),
        (["train/a/1.jpg", "valid/a/1.jpg", ".cache/1.jpg", "notes.txt"], "train"),
        (["train/a/1.jpg", "train/labels.csv"], "train"),
        (["test/a/1.jpg", "validation/a/1.jpg"], "test"),
        (["TRAIN/a/1.jpg"], "TRAIN"),
    ],
)
def test_parent_of_splits(tmp_path: Path, files: list[str], suggested: str) -> None:
    assert f"pass '{tmp_path / suggested}'" in refusal(plant(tmp_path, *files))


LOOKALIKES = {
    "a sibling that is no split": [
        *(f"{split}/{name}/1.jpg" for split in ("train", "test", "val") for name in "np"),
        *(
            f"chest_xray/{split}/{name}/1.jpg"
            for split in ("train", "test", "val")
            for name in "np"
        ),
    ],
    "suffix": ["train_images/a/1.jpg", "test_images/a/1.jpg"],
    "year": ["train2017/a/1.jpg", "val2017/a/1.jpg"],
    "prefix": ["x_train/a/1.jpg", "x_test/a/1.jpg"],
    "numbered": ["01-train/a/1.jpg", "02-test/a/1.jpg", "notes/1.jpg"],
    "flat": ["train/1.jpg", "test/1.jpg"],
    "folds": ["fold1/cat/1.jpg", "fold1/dog/1.jpg", "fold2/cat/1.jpg", "fold2/dog/1.jpg"],
    "splits inside classes": [
        f"{name}/{split}/1.jpg" for name in "ab" for split in ("train", "val")
    ],
    "one deeper": ["x/a/deep/1.jpg", "x/b/deep/1.jpg", "y/a/deep/1.jpg", "y/b/deep/1.jpg"],
}


@pytest.mark.parametrize("files", LOOKALIKES.values(), ids=LOOKALIKES.keys())
def test_folders_that_are_not_classes_are_refused_until_insisted(
    tmp_path: Path, files: list[str]
) -> None:
    plant(tmp_path, *files)
    message = refusal(tmp_path)
    assert "--as-classes" in message
    if any("/a/" in file or "/cat/" in file for file in files):
        named = re.search(r"pass (?:one of them, such as )?'([^']*)'", message)
        assert named is not None
        assert Path(named[1]).is_dir()
    assert scan(tmp_path, as_classes=True) == as_torchvision_reads(tmp_path)


CLASSES = {
    "vehicles": ["train/1.jpg", "bus/1.jpg"],
    "places": ["train_station/1.jpg", "test_tube/1.jpg", "development/1.jpg"],
    "patients": ["normal/p1/1.jpg", "normal/p2/1.jpg", "ill/p3/1.jpg", "ill/p4/1.jpg"],
    "one same sub-folder each": ["cat/images/1.jpg", "dog/images/1.jpg"],
    "some have images of their own": ["cat/1.jpg", "cat/raw/2.jpg", "dog/1.jpg", "dog/raw/2.jpg"],
}


@pytest.mark.parametrize("files", CLASSES.values(), ids=CLASSES.keys())
def test_folders_that_are_classes_are_taken(tmp_path: Path, files: list[str]) -> None:
    assert scan(plant(tmp_path, *files)) == as_torchvision_reads(tmp_path)


@pytest.mark.parametrize(
    "hidden", [".ipynb_checkpoints", "__MACOSX", ".git", "@eaDir", "$RECYCLE.BIN", "lost+found"]
)
def test_hidden_and_system_folders_are_no_classes(tmp_path: Path, hidden: str) -> None:
    inside = [f"{hidden}/1.jpg", f"{hidden}/cat/1.jpg", f"cat/{hidden}/1-checkpoint.jpg"]
    found = scan(plant(tmp_path, "cat/1.jpg", "dog/1.jpg", "dog/._1.jpg", *inside))
    assert found.classes == ("cat", "dog")
    assert found.paths == ("cat/1.jpg", "dog/1.jpg")
    assert found.passed_over == (hidden, f"cat/{hidden}")


def test_other_files_are_counted_by_class_and_extension(tmp_path: Path) -> None:
    files = ["cat/1.jpg", "cat/2.HEIC", "cat/deep/3.heic", "cat/notes", "dog/1.jpg"]
    assert scan(plant(tmp_path, *files)).ignored == {"cat": {".heic": 2, "": 1}}
    plant(tmp_path, "owl/1.heic", "owl/2.heic")
    assert "'owl' (but 2 .heic; --extensions" in refusal(tmp_path)
    found = scan(tmp_path, extensions=(".HEIC",))
    assert found.counts == [3, 1, 2]
    assert found.ignored == {"cat": {"": 1}}
