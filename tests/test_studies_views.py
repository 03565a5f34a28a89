"""What a study sees its images by: a network of each fold's own, from its training part alone."""

import numpy as np
import pytest

import rebalance
from rebalance.progress import silent
from rebalance.settings import RunOptions
from rebalance.studies.declaration import read_study
from rebalance.studies.outcomes import Outcome
from rebalance.studies.preparation import prepared

PROBE, FULL = 'depth = "probe"', 'depth = "full"'


@pytest.fixture
def prepare(make_folder, tmp_path):
    """``prepare(grid)``: 13 images, an extractor that learns from each of two folds, and cells."""
    data = make_folder(tmp_path / "data", {"a": 9, "b": 4})
    path = tmp_path / "study.toml"

    def call(grid, depth=PROBE):
        path.write_text(
            f'[study]\ndata = "{data}"\nseeds = 1\nfolds = 2\n{depth}\n'
            f'[extractor]\nextractor = "finetune"\n'
            f'[training]\nrecipe = "scratch"\n[grid]\nrebalance = [{grid}]'
        )
        plan = read_study(path)
        return plan, prepared(plan, tmp_path / "out", RunOptions(device="cpu", workers=0), silent)

    return call


def networks(cache):
    return {path: path.stat().st_mtime_ns for path in cache.glob("extractors/*")}


@pytest.mark.usefixtures("briefly")
def test_the_network_of_a_fold_learns_from_its_training_part_alone(prepare, own_cache, tmp_path):
    cut = '{method = "subclass", layer = "body"}'
    plan, setup = prepare(cut)
    kept = networks(own_cache)
    assert len(kept) == 2
    for fold in range(2):
        trained, _ = setup.sides(0, fold)
        part = setup.images.take(trained.tolist())
        rows = [f"{path},{path.partition('/')[0]}" for path in part.paths]
        manifest = tmp_path / "data" / f"{fold}.csv"
        manifest.write_text("\n".join(["file_name,label", *rows]))
        # The command makes the same network of these images: it is there, and so are its features.
        found = rebalance.extract(
            manifest, layers=["body", "pool"], extractor="finetune", device="cpu", workers=0
        )
        assert found.computed == 0
        seen = setup.part(0, fold, trained)
        for layer, features in found.layers.items():
            every = features.read(slice(None), slice(None)).astype(np.float32)
            np.testing.assert_array_equal(seen.features(layer), every)
    # Treatments that join later see by the networks that are there,
    _, setup = prepare(f'{cut}, "coverage"')
    assert len(setup.views) == 2 and networks(own_cache) == kept
    # and cells that are finished by none.
    for cell in plan.cells:
        setup.cells.write(Outcome(cell.treatment, cell.seed, cell.fold, {}, None, 1, 1, 1.0))
    assert prepare(cut)[1].views == {}


def test_no_network_learns_where_nothing_looks_at_images(prepare, own_cache):
    _, setup = prepare('"random-under", "random-over"', FULL)
    assert len(setup.views) == 2 and not networks(own_cache)
