"""EmbeddingDataset beside what train makes of the same manifest and the same features."""

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

import rebalance
from rebalance.data.samples import open_training
from rebalance.distributed.processes import ALONE
from rebalance.errors import DataError, FeatureFileError
from rebalance.features.vectors import FileLook
from rebalance.oversampling.soft_labels import SoftLabels
from rebalance.progress import silent
from rebalance.scoring.evaluator import Evaluator
from rebalance.settings import ExtractorOptions, FolderOptions, RunOptions
from rebalance.torch import EmbeddingDataset
from rebalance.workflow.head_evaluators import VectorEvaluator
from rebalance.workflow.recipes import Recipes

COUNTS = {"a": 9, "b": 5, "c": 4}
WIDTH = 6
FEW: dict[str, Any] = {"neighbours": 3}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``all``, a folder of files that are no images, their features, and manifests by these."""
    folder = tmp_path_factory.mktemp("made")
    paths = [f"{name}/{n}.png" for name, count in COUNTS.items() for n in range(count)]
    for path in paths:
        (folder / "all" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "all" / path).touch()
    values = np.random.default_rng(0).normal(size=(len(paths), WIDTH)).astype(np.float32)
    order = np.random.default_rng(1).permutation(len(paths))
    pool, names = values[order], [paths[place] for place in order]
    np.savez(folder / "all.npz", pool=pool, embedding=-pool, file_name=names)
    np.save(folder / "pool.npy", pool)
    (folder / "names.txt").write_text("\n".join(names))
    given: dict[str, Any] = {"features": folder / "all.npz", "device": "cpu"}
    for method, more in {"smote": FEW, "eos": FEW, "ros": {}}.items():
        rebalance.oversample(
            folder / "all", folder / f"{method}.csv", method=method, **given, **more
        )
    return folder


def trained_on(path: Path, features: Path) -> tuple[np.ndarray, np.ndarray, SoftLabels]:
    """What a probe is fitted on, what a fresh head is, and its labels."""
    look = FileLook(ExtractorOptions(features=features), "embedding", WIDTH, strict=True)
    samples = open_training(path, FolderOptions(), 0, silent, strict=True, look=look)
    evaluator = VectorEvaluator.beside(
        Evaluator.of(RunOptions(device="cpu"), "fp32", silent, ALONE)
    )
    nothing: Any = None  # that looks at images
    shown = Recipes(path, samples).embedded(nothing, nothing, evaluator)
    return evaluator.embed(nothing, samples, nothing), shown.embeddings, shown.labels


@pytest.mark.parametrize("method", ["smote", "eos", "ros"])
def test_features_are_those_that_train_fits_a_head_on(made: Path, method: str) -> None:
    path = made / f"{method}.csv"
    dataset = EmbeddingDataset(path, made / "all.npz", soft_targets=True)
    probed, shown, labels = trained_on(path, made / "all.npz")
    found = dataset.features.numpy()
    assert found.dtype == np.float32 and np.array_equal(found, probed)
    assert np.array_equal(found, shown)
    assert dataset.targets == labels.own.tolist() and len(dataset) == 27
    for (vector, target), whole, own, other, share in zip(
        dataset, found, labels.own, labels.other, labels.share, strict=True
    ):
        assert np.array_equal(vector.numpy(), whole)
        both = (1 - share) * np.eye(3)[own] + share * np.eye(3)[other]
        assert torch.equal(target, torch.tensor(both, dtype=torch.float32))


def test_tables_files_and_names_are_one_and_layers_are_named(made: Path) -> None:
    path = made / "smote.csv"
    table = rebalance.extract(made / "all", features=made / "all.npz", layers=("pool",))
    whole = EmbeddingDataset(path, table).features
    named = EmbeddingDataset(path, made / "pool.npy", names=made / "names.txt", with_index=True)
    assert torch.equal(whole, named.features)
    assert torch.equal(whole, EmbeddingDataset(path, made / "all.npz", "pool").features)
    assert torch.equal(whole, -EmbeddingDataset(path, str(made / "all.npz")).features)
    assert named[-1][1:] == (named.targets[-1], 26)
    there = pickle.loads(pickle.dumps(named))
    assert vars(there).keys().isdisjoint({"features", "targets"})
    assert torch.equal(there.features, whole) and there.class_to_idx == {"a": 0, "b": 1, "c": 2}
    vectors, targets, _ = next(iter(DataLoader(named, 27)))
    assert torch.equal(vectors, whole) and targets.tolist() == named.targets
    assert "27 samples, 9 of them blended; 6 features, 3 classes" in repr(named)


def test_what_has_no_features_is_a_line(made: Path, caplog: pytest.LogCaptureFixture) -> None:
    manifest = rebalance.read_manifest(made / "smote.csv")
    table = rebalance.extract(made / "all", features=made / "all.npz", layers=("pool",))
    few = replace(table, folder=table.folder.take(range(16)))
    with pytest.raises(DataError, match=r"2 of 18 have none in the table \('c/2.png', 'c/3.png'\)"):
        EmbeddingDataset(manifest, few)
    with np.load(made / "all.npz") as file:
        np.savez(made / "few.npz", pool=file["pool"][:-1], file_name=file["file_name"][:-1])
    with pytest.raises(DataError, match=r"1 of 18 have none in '.*few.npz'"):
        EmbeddingDataset(manifest, made / "few.npz")
    with pytest.raises(FeatureFileError, match=r"no layer 'body' \(it has pool, embedding\)"):
        EmbeddingDataset(manifest, made / "all.npz", "body")
    assert not [each for each in caplog.records if each.levelname != "INFO"]
    EmbeddingDataset(replace(manifest, record={}), table)
    assert "here its recipes blend embeddings" in caplog.text
