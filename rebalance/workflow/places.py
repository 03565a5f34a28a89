"""Where a manifest may be written: nowhere that would harm what is read."""

from pathlib import Path

from rebalance.data.source import is_manifest
from rebalance.errors import OutputError
from rebalance.manifest import check_output, companions


def check_result(data: Path | str, output: Path | str, *, overwrite: bool) -> Path:
    """``manifest.check_output``, and OutputError if it would replace the manifest that is read."""
    output, data = check_output(output, overwrite=overwrite), Path(data)
    if is_manifest(data):
        read = {path.resolve() for path in companions(data)}
        if read & {path.resolve() for path in companions(output)}:
            raise OutputError(
                f"{str(output)!r} or a file beside it belongs to the manifest to read: write to "
                "another name"
            )
    return output
