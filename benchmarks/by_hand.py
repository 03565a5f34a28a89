"""The script one writes by hand in an afternoon: what the other side of each comparison runs.

    python -m benchmarks.by_hand images FOLDER CLASS CHECKPOINT KEEP OUT.csv
    python -m benchmarks.by_hand features FEATURES.npy KEEP OUT.csv

ImageFolder, DataLoader and a ResNet50 in float32; StandardScaler, PCA, umap-learn, KMeans and
silhouette_score for k from 2 to 9; the images nearest to each centre. Prints one line of JSON: the
seconds of each stage.
"""

import csv
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

SECONDS: dict[str, float] = {}


def timed(stage: str, run: Callable[[], Any]) -> Any:
    """What ``run`` gives; its seconds are added to the stage's."""
    start = time.perf_counter()
    result = run()
    SECONDS[stage] = SECONDS.get(stage, 0.0) + time.perf_counter() - start
    return result


def extract(folder: str, name: str, checkpoint: str) -> tuple[list[str], Any]:
    """The pooled features of one class of the folder, and its files."""
    import torch
    from torch.utils.data import DataLoader, Subset
    from torchvision import models, transforms
    from torchvision.datasets import ImageFolder

    look = transforms.Compose(
        [
            transforms.Resize(256),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )
    images = ImageFolder(folder, look)
    members = [i for i, (_, label) in enumerate(images.samples) if images.classes[label] == name]
    network = models.resnet50(weights=None)
    network.load_state_dict(torch.load(checkpoint, map_location="cpu"))
    network.fc = torch.nn.Identity()
    network.eval()
    loader = DataLoader(Subset(images, members), batch_size=64, num_workers=2)
    with torch.no_grad():
        features = [network(batch).numpy() for batch, _ in loader]
    return [images.samples[i][0] for i in members], np.concatenate(features)


def choose(features: Any, keep: int) -> tuple[list[int], int]:
    """The positions kept, and the number of clusters."""
    import umap
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA
    from sklearn.metrics import silhouette_score
    from sklearn.preprocessing import StandardScaler

    scaled = timed("scaler", lambda: StandardScaler().fit_transform(features))
    components = timed("pca", lambda: PCA(50, random_state=0).fit_transform(scaled))
    points = timed("umap", lambda: umap.UMAP(random_state=0).fit_transform(components))
    best: Any = (-1.0, None)
    for k in range(2, 10):
        model = timed("k-means", lambda k=k: KMeans(k, n_init=10, random_state=0).fit(points))
        score = timed("silhouette", lambda model=model: silhouette_score(points, model.labels_))
        best = max(best, (score, model), key=lambda found: found[0])
    model = best[1]
    distances = np.linalg.norm(points - model.cluster_centers_[model.labels_], axis=1)
    kept: list[int] = []
    for cluster in range(model.n_clusters):
        members = np.flatnonzero(model.labels_ == cluster)
        nearest = members[np.argsort(distances[members])]
        kept.extend(nearest[: keep // model.n_clusters].tolist())
    return sorted(kept), model.n_clusters


def main(job: str, *arguments: str) -> None:
    begun = time.perf_counter()
    *where, keep, output = arguments
    if job == "images":
        names, features = timed("extract", lambda: extract(*where))
    else:
        features = timed("load", lambda: np.load(where[0]).astype(np.float32))
        names = [str(i) for i in range(len(features))]
    kept, k = choose(features, int(keep))
    with open(output, "w", newline="") as file:  # noqa: PTH123
        csv.writer(file).writerows([names[i]] for i in kept)
    SECONDS["all"] = time.perf_counter() - begun
    print(json.dumps({"seconds": SECONDS, "k": k}))


if __name__ == "__main__":
    main(*sys.argv[1:])
