"""The command line: help, streams, exit statuses, and bad input in one clear line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import rebalance
from rebalance.cli import COMMANDS


def test_version(run):
    assert run("--version").out.split() == ["rebalance,", "version", rebalance.__version__]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_examples(run, command):
    found = run(command, "--help")
    assert found.status == 0
    assert f"rebalance {command}" in found.out.split("Example")[1]


def test_every_option_has_help():
    from click import Context, Option

    from rebalance.cli import group

    context = Context(group)
    for name in COMMANDS:
        for parameter in group.get_command(context, name).params:
            assert not isinstance(parameter, Option) or parameter.help, (name, parameter.name)


def test_the_choices_are_the_keys_of_the_registries(run):
    from rebalance.exchange import EXPORTS
    from rebalance.oversampling import OVERSAMPLERS
    from rebalance.undersampling import PICKERS, UNDERSAMPLERS

    choices = {
        "undersample": [UNDERSAMPLERS, PICKERS],
        "oversample": [OVERSAMPLERS],
        "hybrid": [UNDERSAMPLERS, PICKERS, OVERSAMPLERS],
        "export": [EXPORTS],
    }
    for command, registries in choices.items():
        text = "".join(run(command, "--help").out.split())
        for registry in registries:
            assert f"[{'|'.join(registry)}]" in text


@pytest.mark.parametrize("name", ["materialize", "export", "import", "diff"])
def test_what_has_no_declared_call_has_the_same_keywords(name):
    import inspect

    from click import Context

    from rebalance.cli import group

    places = {"manifest", "table", "before", "after", "output", "progress"}
    printing = {"as_json", "quiet", "verbose", "fail_if_changed"}
    command = group.get_command(Context(group), name)
    options = {option.name: option.default for option in command.params}
    call = getattr(rebalance, {"import": "import_csv"}.get(name, name))
    keywords = inspect.signature(call).parameters
    assert set(options) - printing - places == set(keywords) - places


@pytest.mark.parametrize(
    "arguments",
    [
        ["nothing"],
        ["inspect"],
        ["undersample", "x"],
        ["undersample", "x", "-o", "m.csv", "--class", "cat"],
        ["undersample", "x", "-o", "m.csv", "--class", "=3"],
        ["undersample", "x", "-o", "m.csv", "--class", "cat=three"],
        ["undersample", "x", "-o", "m.csv", "--method", "best"],
        ["undersample", "x", "-o", "m.csv", "--pick", "best"],
        ["undersample", "x", "-o", "m.csv", "--layer", "top"],
        ["undersample", "x", "-o", "m.csv", "--class", "a=1", "--class", "a=2"],
        ["undersample", "x", "-o", "m.csv", "--classes", ""],
        ["undersample", "x", "-o", "m.csv", "--classes", "a\nb"],
        ["oversample", "x"],
        ["oversample", "x", "-o", "m.csv", "--method", "best"],
        ["oversample", "x", "-o", "m.csv", "--layer", "auto"],
        ["oversample", "x", "-o", "m.csv", "--space", "outer"],
        ["oversample", "x", "-o", "m.csv", "--neighbours", "0"],
        ["oversample", "x", "-o", "m.csv", "--class", "a=1", "--class", "a=2"],
        ["hybrid", "x", "-o", "m.csv"],
        ["hybrid", "x", "-o", "m.csv", "--to", "9", "--over", "best"],
        ["hybrid", "x", "-o", "m.csv", "--to", "max"],
        ["hybrid", "x", "-o", "m.csv", "--to", "0"],
        ["undersample", "x", "-o", "m.csv", "--to", "many"],
        ["undersample", "x", "-o", "m.csv", "--to", "0"],
        ["oversample", "x", "-o", "m.csv", "--to", "min"],
        ["oversample", "x", "-o", "m.csv", "--to", "0"],
        ["materialize", "m.csv"],
        ["export", "m.csv", "-o", "t.csv", "--to", "excel"],
        ["import", "t.csv"],
        ["diff", "a.csv"],
        ["report", "-o", "r.html"],
        ["report", "m.csv"],
        ["inspect", "x", "--fail-on", "typo"],
        ["extract", "x", "--workers", "-1"],
        ["extract", "x", "--image-size", "99999"],
        ["extract", "x", "--batch-size", "0"],
        ["train", "x", "--test", "y", "-o", "run", "--cache-dir", "z"],
        ["train", "--from", "x", "--head-only", "m.csv", "-o", "run"],
        ["train", "--from", "x", "--head-only", ".", "--test", "y", "-o", "run"],
        ["train", "x", "--rebalance-head", ".", "--test", "y", "-o", "run"],
    ],
)
def test_wrong_usage_is_status_2(run, arguments):
    found = run(*arguments)
    assert (found.status, found.out) == (2, "")
    assert "Error:" in found.err
    assert "Traceback" not in found.err


def test_inspect_prints_a_table_and_json(run, make_folder, tmp_path):
    data = make_folder(tmp_path / "data", {"cat": 6, "dog": 2})
    (data / "cat" / "broken.jpg").write_text("text")
    found = run("inspect", data)
    assert found.status == 0
    rows = {line.split()[0]: line.split() for line in found.out.splitlines() if line}
    assert rows["cat"] == ["cat", "7", "1", "77.8%", "few"]
    assert "imbalance ratio 3.00" in found.out
    assert "'cat/broken.jpg': not an image" in found.err
    found = run("inspect", data, "--json", "-q")
    record = json.loads(found.out)
    assert found.err == ""
    assert record["images"] == {"cat": 7, "dog": 2}
    assert record["readable"] == {"cat": 6, "dog": 2}
    assert record["imbalance_ratio"] == 3
    assert [image["file_name"] for image in record["unreadable"]] == ["cat/broken.jpg"]


def test_the_gate_is_status_3_and_still_prints(run, make_folder, tmp_path):
    data = make_folder(tmp_path / "data", {"cat": 6, "dog": 2})
    assert run("inspect", data, "--fail-above", 3).status == 0
    found = run("inspect", data, "--fail-above", 2.9)
    assert found.status == 3
    assert "imbalance ratio 3.00 is above the 2.9" in found.error
    assert "cat" in found.out


def test_a_class_without_a_readable_image_never_passes_the_gate(run, make_folder, tmp_path):
    data = make_folder(tmp_path / "data", {"cat": 3})
    (data / "dog").mkdir()
    (data / "dog" / "zero.png").touch()
    found = run("inspect", data, "--fail-above", 1000)
    assert found.status == 3
    assert "imbalance ratio inf" in found.out
    assert json.loads(run("inspect", data, "--json").out)["imbalance_ratio"] is None


def test_finetune_needs_two_classes(run, make_folder, tmp_path):
    data = make_folder(tmp_path / "data", {"cat": 4})
    found = run("extract", data, "--extractor", "finetune")
    assert found.status == 1
    assert "there is one class only" in found.error


def test_wide_characters_keep_the_columns_straight():
    from rebalance.cli.console import table

    lines = table(("class", "n"), [("漢字", 1), ("e\u0301", 22), ("a\nb", 3)]).splitlines()
    assert lines[1:] == ["漢字    1", "e\u0301      22", "a\\nb    3"]


def test_strict_names_the_first_bad_file(run, make_folder, tmp_path):
    data = make_folder(tmp_path / "data", {"cat": 3, "dog": 2})
    (data / "dog" / "zero.png").touch()
    found = run("inspect", data, "--strict", "-q")
    assert found.status == 1
    assert "1 of 6 images cannot be read" in found.error
    assert "'dog/zero.png' (empty file (0 bytes))" in found.error


def _case(name):
    def make(root: Path, make_folder) -> Path:
        if name == "missing":
            return root
        if name == "file":
            root.write_text("x")
        elif name == "no classes":
            root.mkdir()
        elif name == "flat":
            make_folder(root, {"cat": 2})
            return root / "cat"
        elif name == "splits":
            make_folder(root / "train", {"cat": 2, "dog": 2})
            make_folder(root / "test", {"cat": 2, "dog": 2})
        elif name == "empty class":
            make_folder(root, {"cat": 2, "dog": 0})
        elif name == "no images":
            (root / "cat").mkdir(parents=True)
        elif name == "one class":
            make_folder(root, {"cat": 5})
        elif name == "all broken":
            make_folder(root, {"cat": 2})
            (root / "dog").mkdir()
            (root / "dog" / "x.png").write_bytes(b"x")
        return root

    return make


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing", "does not exist"),
        ("file", "is a file"),
        ("no classes", "no class folders"),
        ("flat", "holds images but no class folders"),
        ("splits", "train"),
        ("empty class", "'dog'"),
        ("no images", "no images"),
        ("one class", "one class only, 'cat'"),
        ("all broken", "class 'dog' needs at least one image; none of its 1 can be read"),
    ],
)
@pytest.mark.parametrize("method", ["random", "subclass"])
def test_bad_folders(run, make_folder, tmp_path, extractor, name, message, method):
    data = _case(name)(tmp_path / "data", make_folder)
    output = tmp_path / "m.csv"
    found = run("undersample", data, "-o", output, "--method", method, *extractor)
    assert (found.status, found.out) == (1, "")
    assert message in found.error
    assert not output.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--class", "cat=9"], "class 'cat' has 4 images; 9 were asked for"),
        (["--class", "cow=1"], "no class 'cow'"),
        (["--classes", "cat,cow"], "no class 'cow'"),
        (["--extractor", "nowhere.pth"], "no checkpoint can be read at 'nowhere.pth'"),
        (["--extractor", "WEIGHTS", "--arch", "resnet18"], "resnet18"),
        (["--extractor", "WEIGHTS", "--arch", "resnet1"], "resnet1"),
        (["--extractor", "WEIGHTS", "--arch", "cifar_resnet20", "--layer", "linear"], "'linear'"),
        (["--extractor", "TEXT", "--arch", "cifar_resnet20"], "text.pth"),
        (["--device", "cuda"], "cuda"),
        (["--init", "imagenet"], "add --extractor finetune"),
        (["--extractor", "finetune", "--init", "nope"], "--init is scratch, imagenet, lite0, or"),
        (["--extractor", "PIPE"], "no checkpoint can be read"),
        (
            ["--cache-dir", "IN", "--extractor", "WEIGHTS", "--arch", "cifar_resnet20"],
            "--cache-dir",
        ),
        (["--method", "random", "--pick", "farthest"], "are for --method subclass, not random"),
        (["--root", "."], "--root is for manifests"),
    ],
)
def test_bad_options(run, make_folder, tmp_path, weights, arguments, message):
    if "cuda" in arguments:
        import torch

        if torch.cuda.is_available():
            pytest.skip("asks for a device that this machine has")
    data = make_folder(tmp_path / "data", {"cat": 4, "dog": 2})
    (tmp_path / "text.pth").write_text("not a checkpoint")
    os.mkfifo(tmp_path / "pipe.pth")
    names = {
        "WEIGHTS": weights,
        "TEXT": tmp_path / "text.pth",
        "PIPE": tmp_path / "pipe.pth",
        "IN": tmp_path / "text.pth" / "in",
    }
    arguments = [names.get(argument, argument) for argument in arguments]
    found = run("undersample", data, "-o", tmp_path / "m.csv", *arguments)
    assert (found.status, found.out) == (1, "")
    assert message in found.error
    assert not (tmp_path / "m.csv").exists()


def test_an_existing_manifest_is_refused_before_the_work(run, make_folder, tmp_path):
    data = make_folder(tmp_path / "data", {"cat": 4, "dog": 2})
    (tmp_path / "m.json").write_text("precious")
    found = run("undersample", data, "-o", tmp_path / "m.csv", "--extractor", "nowhere.pth")
    assert found.status == 1
    assert "--overwrite" in found.error
    assert (tmp_path / "m.json").read_text() == "precious"


def test_cache_is_shown_and_cleared(run, make_folder, tmp_path, extractor):
    data = make_folder(tmp_path / "data", {"cat": 4, "dog": 2})
    assert run("extract", data, *extractor).status == 0
    before = json.loads(run("cache", "--json").out)
    assert before["features"]["files"] == 3  # about.json, a block and its keys
    assert "cleared" in run("cache", "--clear").out
    assert json.loads(run("cache", "--json").out)["features"]["files"] == 0


def test_as_a_module_in_a_pipe_that_closes():
    command = f"{sys.executable} -m rebalance --help | true"
    assert subprocess.run(command, shell=True, capture_output=True, text=True).stderr == ""


def test_a_full_disk_is_one_line():
    command = f"{sys.executable} -m rebalance --help > /dev/full"
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    found = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert found.returncode == 1
    assert found.stderr.startswith("rebalance: error:")
    assert found.stderr.count("\n") == 1


def test_the_library_is_silent(make_folder, tmp_path):
    data = make_folder(tmp_path / "data", {"cat": 2, "dog": 2})
    (data / "cat" / "zero.png").touch()
    code = f"import rebalance; rebalance.inspect({str(data)!r})"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


@pytest.mark.parametrize(
    "options",
    [
        {"seed": -1},
        {"seed": "x"},
        {"workers": -1},
        {"batch_size": 0},
        {"image_size": 1.5},
        {"per_class": {"cat": "3"}},
        {"per_class": {"cat": 0}},
        {"method": "best"},
        {"pick": "best"},
        {"layer": "top"},
    ],
)
def test_python_options_out_of_range_are_our_errors(make_folder, tmp_path, options):
    data = make_folder(tmp_path / "data", {"cat": 4, "dog": 2})
    with pytest.raises(rebalance.RebalanceError):
        rebalance.undersample(data, **{"method": "random", **options})


def test_completion_script_is_offered():
    environment = {**os.environ, "_REBALANCE_COMPLETE": "bash_source"}
    script = Path(sys.executable).with_name("rebalance")
    if not script.exists():
        pytest.skip("needs the console script beside this Python")
    found = subprocess.run([script], env=environment, capture_output=True, text=True)
    assert "complete" in found.stdout
