"""Where a manifest may be written: nowhere that would harm what is read."""

from collections.abc import Sequence
from pathlib import Path

from rebalance.data.source import is_manifest
from rebalance.errors import OutputError
from rebalance.manifest import check_output, companions
from rebalance.manifest.writing import check_members


def check_result(data: Path | str, output: Path | str, *, overwrite: bool) -> Path:
    """``manifest.check_output``, and OutputError if it would replace the manifest that is read."""
    output = check_output(output, overwrite=overwrite)
    _check_apart(data, [output])
    return output


def check_member_results(
    data: Path | str, output: Path | str, members: int, *, overwrite: bool
) -> None:
    """``manifest.writing.check_members``, and OutputError as ``check_result``."""
    _check_apart(data, check_members(output, members, overwrite=overwrite))


def _check_apart(data: Path | str, outputs: Sequence[Path]) -> None:
    data = Path(data)
    if is_manifest(data):
        read = {path.resolve() for path in companions(data)}
        for output in outputs:
            if read & {path.resolve() for path in companions(output)}:
                raise OutputError(
                    f"{str(output)!r} or a file beside it belongs to the manifest to read: write "
                    "to another name"
                )
