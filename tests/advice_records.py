"""Records of advice for tests: of a set where something helps, and of one where nothing does."""

from rebalance.records import (
    AdviceRecord,
    CandidateRecord,
    ClassNeed,
    CollectionRecord,
    GainRecord,
    LookRecord,
    OpenRecord,
    TreatmentRecord,
)

COUNTS = {"paper": 594, "glass": 501, "trash": 137}
PLAIN: TreatmentRecord = {"rebalance": "none", "loss": "ce", "regime": "plain", "threshold": "none"}


def gain(mean: float | None, half: float | None = 0.01, pairs: int = 20) -> GainRecord:
    if mean is None or half is None:
        return {"pairs": pairs, "mean": mean, "low": None, "high": None}
    return {"pairs": pairs, "mean": mean, "low": mean - half, "high": mean + half}


def candidate(
    name: str, mean: float, standing: str, half: float = 0.01, **other
) -> CandidateRecord:
    """One that was tried. name: a rebalancing, a loss or a threshold, or two of them with ``+``."""
    known = {"prior": "threshold", "weighted": "loss"}
    treatment = dict(PLAIN)
    for part in name.split(" + "):
        if part != "nothing":
            treatment[known.get(part, "rebalance")] = part
    nothing = name == "nothing"
    recall = {"paper": 0.93, "glass": 0.85, "trash": 0.61}
    after = {"paper": 0.90, "glass": 0.85 + mean, "trash": 0.61 + 4 * mean}
    changes = [
        {"name": each, "before": recall[each], "after": recall[each] if nothing else after[each]}
        for each in COUNTS
    ]
    made = {
        "name": name,
        "does": "",
        "treatment": treatment,
        "retrains": treatment != PLAIN and treatment != {**PLAIN, "threshold": "prior"},
        "standing": standing,
        "dropped": None,
        "images": 986.0,
        "score": 0.8 + mean,
        "gain": gain(None, pairs=0) if nothing else gain(mean, half),
        "beside_prior": None if name == "prior" else gain(mean - 0.012, 0.01),
        "test_gain": None,
        "worst": changes[-1],
        "classes": changes,
        "calibration": {"before": 0.05, "after": 0.05},
        "seconds": 0.4,
    }
    return {**made, **other}


def look(kind: str, classes: dict[str, int], images=(), *, warning: bool = False) -> LookRecord:
    return {
        "kind": kind,
        "warning": warning,
        "sentence": "",
        "classes": classes,
        "images": [list(each) for each in images],
    }


def helped() -> AdviceRecord:
    """A record of a set where blends help most, the prior some, and cutting harms."""
    candidates = [
        candidate(
            "skew-mix",
            0.031,
            "recommended",
            test_gain=gain(0.028, 0.015),
            calibration={"before": 0.05, "after": 0.18},
        ),
        candidate("weighted", 0.02, "helps"),
        candidate("prior", 0.012, "second"),
        candidate("smote", 0.004, "no help", calibration={"before": 0.05, "after": 0.04}),
        candidate("nothing", 0.0, "control"),
        candidate("coverage-typical to=4x + prior", -0.02, "worse", images=548.0, dropped=1),
        candidate("random-under", -0.04, "control", images=330.0, dropped=1),
    ]
    asked: list[OpenRecord] = [
        {"question": "eos", "sentence": "", "images": None, "groups": None},
        {"question": "smote", "sentence": "", "images": 900, "groups": None},
    ]
    names = [each["name"] for each in candidates]
    return {
        "format": 1,
        "story": {
            "data": "photos/train",
            "root": "/photos/train",
            "test": "photos/test",
            "images": sum(COUNTS.values()),
            "counts": COUNTS,
            "test_images": 300,
            "extractor": {"extractor": "imagenet", "arch": "resnet50"},
            "groups": None,
            "groups_per_class": {"paper": 590, "glass": 501, "trash": 130},
            "folds": 5,
            "seed": 0,
            "metric": "balanced_accuracy",
            "budget": 300.0,
            "seconds": 214.0,
            "ended": "settled",
            "version": "0.1.0",
            "command": "rebalance advise photos/train --test photos/test -o advice",
        },
        "looks": [
            look("imbalance", COUNTS),
            look("unreadable", {"glass": 1}),
            look(
                "conflicts",
                {"paper": 1, "glass": 1},
                [["paper/a.png", "glass/b.png"]],
                warning=True,
            ),
            look("look-alikes", {"paper": 4, "trash": 7}, [["trash/c.png", "trash/d.png"]]),
        ],
        "do": {
            "name": "skew-mix",
            "sentences": [],
            "commands": [
                "rebalance oversample photos/train -o advice/balanced.csv --method skew-mix",
                "rebalance train --from advice/network --rebalance-head advice/balanced.csv "
                "--test photos/test -o advice/run",
            ],
            "manifest": "balanced.csv",
        },
        "second": {
            "name": "prior",
            "sentences": [],
            "commands": ["rebalance evaluate advice/network photos/test --threshold prior"],
            "manifest": None,
        },
        "cutting": [],
        "no_help": [],
        "open": asked,
        "candidates": candidates,
        "rounds": [
            {"pairs": 5, "candidates": names, "dropped": names[5:], "seconds": 61.0},
            {"pairs": 10, "candidates": names[:5], "dropped": [], "seconds": 120.5},
            {"pairs": 20, "candidates": names[:5], "dropped": [], "seconds": 213.0},
        ],
    }


def unhelped() -> AdviceRecord:
    """A record of a set that is recognised as it is; in groups, and without test images."""
    record = helped()
    counts = {"red cell": 4153, "7": 361}
    same = [
        {"name": name, "before": recall, "after": recall}
        for name, recall in {"red cell": 0.999, "7": 0.991}.items()
    ]
    shared = {"worst": same[-1], "classes": same}
    nothing = candidate("nothing", 0.0, "recommended", score=0.995, **shared)
    prior = candidate("prior", -0.002, "no help", 0.004, score=0.993, **shared)
    record["story"] |= {
        "counts": counts,
        "images": 4514,
        "groups": "labels.csv",
        "groups_per_class": {"red cell": 364, "7": 12},
        "test": None,
        "ended": "budget",
    }
    record["looks"] = [
        look("imbalance", counts),
        look("groups", {"red cell": 364, "7": 12}),
        look("few", {"7": 12}, warning=True),
    ]
    record["candidates"] = [nothing, prior]
    record["rounds"] = [
        {"pairs": 5, "candidates": ["nothing", "prior"], "dropped": [], "seconds": 20.0}
    ]
    record["do"] = {
        "name": "nothing",
        "sentences": [],
        "commands": ['rebalance train cells --test "$TEST" -o advice/run --recipe probe'],
        "manifest": None,
    }
    record["second"] = None
    record["open"] = [{"question": "prior", "sentence": "", "images": 9000, "groups": 1}]
    return record


def collected() -> CollectionRecord:
    """More of trash helps, more of paper does not, and glass has too few groups."""
    return {
        "format": 1,
        "unit": "images",
        "level": 0.9,
        "balanced_accuracy": 0.80,
        "classes": [_need("trash", 137, 0.03), _need("paper", 594, 0.0), _need("glass", 501, None)],
        "answer": ["100 more images of 'trash' bring +.030 in balanced accuracy (.020 to .040)."],
        "notes": ["A gain is that of a probe on these features."],
        "held": 2,
        "checks": 2,
        "widened": 1.0,
        "penalty": 1.0,
        "folds": 5,
        "rounds": 10,
        "fits": 100,
        "seconds": 20.0,
    }


def _need(label: str, images: int, more: float | None) -> ClassNeed:
    sizes = [images / 8, images / 4, images / 2, images]
    measured = [0.70, 0.75, 0.78, 0.80]
    return {
        "label": label,
        "images": images,
        "groups": None,
        "recall": 0.6,
        "curve": []
        if more is None
        else [
            {"size": size, "recall": value, "balanced_accuracy": value, "error": 0.01}
            for size, value in zip(sizes, measured, strict=True)
        ],
        "gains": []
        if more is None
        else [
            {
                "more": 100 * times,
                "times": 1 + 100 * times / images,
                "balanced_accuracy": more * times,
                "interval": (more * times - 0.01, more * times + 0.01),
                "recall": more,
                "recall_interval": (more - 0.02, more + 0.02),
                "verdict": "gain" if more else "nothing",
            }
            for times in (1, 2)
        ],
        "check": None,
        "unknown": "it has 2 groups" if more is None else None,
        "sentence": "",
        "subclasses": [],
    }
