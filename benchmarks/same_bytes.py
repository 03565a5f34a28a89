"""Whether two versions of the tool write the same bytes: digests of what many commands write.

    python -m benchmarks.same_bytes ../shared -o after.txt --tree . --against before.txt

Every method of undersampling and oversampling, hybrids, long tails and studies run on the sample
data and, where SHARED has them, on real images with trained weights. Each line of the result is a
file's sha256 and the command that wrote it; of a study's table the seconds do not count. ``--tree``
names the checkout to run, with a cache and results of its own, so that a version is run by its own
worktree. Records (``M.json``) are left out: they name paths.
"""

import csv
import hashlib
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click

SETS = {
    "trashnet": ("data/trashnet/images", "paper=200"),
    "coarse": ("data/cifar100_coarse_lt/train", "vehicles_2=100"),
}
WEIGHTS = {
    "mobilenet": ("weights/mobilenet_v2-int8dequant.pth", "mobilenet_v2"),
    "squeezenet": ("weights/squeezenet1_1-fp16rounded.pth", "squeezenet1_1"),
}
UNDER = ("subclass", "coverage", "coverage-typical", "random", "nearmiss-1", "nearmiss-2",
         "nearmiss-3", "tomek", "enn", "oss")  # fmt: skip
OVER = ("ros", "smote", "borderline-1", "borderline-2", "adasyn", "safe-level", "balanced-svm",
        "eos", "cluster")  # fmt: skip
STUDY = """
[study]
depth = "probe"
seeds = 1
folds = 2

[grid]
rebalance = ["random-under", "subclass-closest", "subclass-farthest", "coverage", "tomek", "smote",
             "eos", "cluster", { name = "both", method = "hybrid", to = "2x", over = "smote" },
             { name = "pca", method = "subclass-random", cluster_space = "pca", k_max = 4 }]

[[cell]]
loss = "weighted"

[extractor]
extractor = "WEIGHTS"
arch = "ARCH"
"""
RESULTS = ("M.csv", "M.dropped.csv", "M.map.csv", "study.csv")
TIMED = "seconds"  # a study's column that no two runs share


def commands(shared: Path) -> Iterator[tuple[str, str]]:
    """A name and the words of each command; ``{out}`` is the folder of its results."""
    yield from of_the_sample()
    for name, (folder, class_size) in SETS.items():
        data = shared / folder
        if not data.is_dir():
            click.echo(f"skipped: {data} is no folder", err=True)
            continue
        for network, (file, arch) in WEIGHTS.items():
            eyes = f"--extractor {shared / file} --arch {arch}"
            yield from of_real_images(f"{name}-{network}", str(data), eyes, class_size)


def of_the_sample() -> Iterator[tuple[str, str]]:
    data, eyes = "sample_data/train", "--extractor finetune"
    cut = f"undersample {data} -o {{out}}/M.csv {eyes}"
    for method in ("subclass", "coverage", "random"):
        yield f"sample-{method}", f"{cut} --method {method}"
    yield "sample-auto", f"{cut} --layer auto --class loops=60"
    yield "sample-seed-7", f"{cut} --seed 7 --pick random"
    yield "sample-eos", f"oversample {data} -o {{out}}/M.csv --method eos {eyes}"
    yield "sample-hybrid", f"hybrid {data} -o {{out}}/M.csv --to 2x --over smote {eyes}"
    for profile in ("exp", "step"):
        yield f"sample-{profile}", f"longtail {data} -o {{out}}/M.csv --rho 10 --profile {profile}"


def of_real_images(name: str, data: str, eyes: str, class_size: str) -> Iterator[tuple[str, str]]:
    cut = f"undersample {data} -o {{out}}/M.csv {eyes}"
    raised = f"oversample {data} -o {{out}}/M.csv {eyes}"
    for method in UNDER:
        yield f"{name}-{method}", f"{cut} --method {method}"
    for pick in ("farthest", "random"):
        yield f"{name}-pick-{pick}", f"{cut} --pick {pick}"
    yield f"{name}-auto", f"{cut} --layer auto --class {class_size} --to 2x"
    yield f"{name}-pca", f"{cut} --cluster-space pca --criterion gap --k-max 5"
    yield f"{name}-umap", f"{cut} --layout umap"
    yield f"{name}-cleaned", f"{cut} --dedupe --suspects"
    yield f"{name}-random-cleaned", f"{cut} --method random --dedupe --seed 3"
    for method in OVER:
        yield f"{name}-{method}", f"{raised} --method {method}"
    yield f"{name}-pixel", f"{raised} --method smote --space pixel --neighbours 3"
    for under, over in (("subclass", "ros"), ("coverage", "eos"), ("random", "cluster")):
        words = f"hybrid {data} -o {{out}}/M.csv --to 2x --under {under} --over {over} {eyes}"
        yield f"{name}-{under}-{over}", words
    yield f"{name}-study", f"study {{out}}/study.toml -o {{out}}/S --data {data} {eyes}"


def run(words: list[str], out: Path, tree: Path, cache: Path) -> subprocess.CompletedProcess[str]:
    """One command by the code of ``tree``; a study's extractor goes into its file."""
    environment = {**os.environ, "PYTHONPATH": str(tree), "REBALANCE_CACHE_DIR": str(cache)}
    if words[0] == "study":
        at = words.index("--extractor")
        study = STUDY.replace("WEIGHTS", words[at + 1]).replace("ARCH", words[at + 3])
        (out / "study.toml").write_text(study, encoding="utf-8")
        words = words[:at]
    line = [sys.executable, "-m", "rebalance", *words]
    return subprocess.run(line, cwd=tree, env=environment, capture_output=True, text=True)


def digests(tree: Path, shared: Path, work: Path) -> Iterator[str]:
    """A line for each file that was written, and one for each command that failed."""
    for name, words in commands(shared):
        out = work / name
        out.mkdir()
        done = run(shlex.split(words.format(out=out)), out, tree, work / "cache")
        if done.returncode:
            yield f"failed ({done.returncode}): {done.stderr.strip().splitlines()[-1]}  {name}"
        for path in sorted(out.rglob("*.csv")):
            if path.name in RESULTS:
                yield f"{digest(path)}  {name}/{path.relative_to(out)}"


def digest(path: Path) -> str:
    """The sha256 of a table, without the column of seconds where it has one."""
    content = path.read_bytes()
    rows = list(csv.reader(content.decode("utf-8").splitlines()))
    if TIMED in rows[0]:
        timed = rows[0].index(TIMED)
        kept = [row[:timed] + row[timed + 1 :] for row in rows]
        content = "\n".join("\t".join(row) for row in kept).encode()
    return hashlib.sha256(content).hexdigest()


@click.command()
@click.argument("shared", type=click.Path(file_okay=False, path_type=Path))
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True)
@click.option("--tree", type=click.Path(exists=True, path_type=Path), default=".")
@click.option("--against", type=click.Path(exists=True, path_type=Path))
def main(shared: Path, output: Path, tree: Path, against: Path | None) -> None:
    """Write the digests; with --against, fail where they differ from those of another run."""
    with tempfile.TemporaryDirectory() as work, output.open("w") as file:
        for line in digests(tree.resolve(), shared.resolve(), Path(work)):
            print(line, file=file, flush=True)
    if against is None:
        return
    before, after = (set(path.read_text().splitlines()) for path in (against, output))
    for line in sorted(before - after):
        click.echo(f"before only: {line}")
    for line in sorted(after - before):
        click.echo(f"after only:  {line}")
    click.echo(f"{len(before & after)} of {len(before | after)} equal")
    if before != after:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
