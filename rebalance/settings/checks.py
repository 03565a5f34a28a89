"""What several options must be."""

from rebalance.errors import SettingError


def check_whole(what: str, value: int | None, least: int) -> None:
    """Raise SettingError unless ``value`` is None or a whole number of at least ``least``."""
    if value is not None and (not isinstance(value, int) or value < least):
        raise SettingError(f"{what} must be a whole number from {least} up; got {value!r}")
