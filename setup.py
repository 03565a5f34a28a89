"""What setup.cfg cannot say: README for the index page, where a relative link leads nowhere."""

import re
from configparser import ConfigParser
from pathlib import Path

from setuptools import setup

HERE = Path(__file__).resolve().parent
IMAGE = re.compile(r"(!\[[^]]*\]\()(?!https?://)([^)]+\))")
LINK = re.compile(r"(\]\()(?!https?://)([^)]+\))")
WITHIN = re.compile(r"(\]\()(#[^)]+\))")


def declared(key: str) -> str:
    """Return what ``[metadata]`` of setup.cfg says for ``key``, as it stands there."""
    config = ConfigParser()
    config.read(HERE / "setup.cfg", encoding="utf-8")
    return config["metadata"][key]


def with_whole_links(text: str, source: str, version: str) -> str:
    """Return README whose relative links lead to that version's files at ``source``.

    Those within the page do so too, since the index gives headings no names.
    """
    text = WITHIN.sub(r"\g<1>README.md\g<2>", text)
    text = IMAGE.sub(rf"\g<1>{source}/raw/v{version}/\g<2>", text)
    return LINK.sub(rf"\g<1>{source}/blob/v{version}/\g<2>", text)


def index_page() -> str:
    """Return README as the index shows it, beside the version that it belongs to."""
    package = (HERE / "rebalance" / "__init__.py").read_text(encoding="utf-8")
    (version,) = re.findall(r'^__version__ = "(.+)"$', package, re.MULTILINE)
    (source,) = re.findall(r"^Source = (.+)$", declared("project_urls"), re.MULTILINE)
    return with_whole_links((HERE / "README.md").read_text(encoding="utf-8"), source, version)


if __name__ == "__main__":
    setup(long_description=index_page(), long_description_content_type="text/markdown")
