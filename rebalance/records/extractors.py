"""The record of what can look at images, as ``rebalance extractors --json`` prints it."""

from typing import Annotated, TypedDict


class ListedNetwork(TypedDict):
    """One network of an extractor, and whether it can be had here."""

    name: Annotated[str, "The network, as a comparison takes it."]
    weights: Annotated[
        bool | None, "Whether its weights are on this machine; null where there are none to fetch."
    ]


class ListedExtractor(TypedDict):
    """One kind of extractor, and what works of it on this machine without a network connection."""

    name: Annotated[str, "What it is called, such as imagenet or timm:NAME."]
    says: Annotated[str, "What it is."]
    works: Annotated[bool, "Whether anything of it works here and now, without a download."]
    state: Annotated[str, "What is here of it, or what it lacks."]
    install: Annotated[str | None, "The command that installs what it lacks; null for nothing."]
    weights: Annotated[
        list[str] | None,
        "Networks whose weights are on this machine; null where this was not looked for.",
    ]
    networks: Annotated[
        int | None,
        "How many networks it has, or of the hub, how many are here; null where nobody asked.",
    ]
    found: Annotated[
        list[ListedNetwork] | None,
        "Its networks with a name that was asked for; null where nobody asked.",
    ]


class ExtractorsRecord(TypedDict):
    """Every kind of extractor there is."""

    extractors: Annotated[list[ListedExtractor], "The kinds, the default first."]
