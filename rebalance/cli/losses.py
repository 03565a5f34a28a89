"""``rebalance losses``."""

from rebalance.cli import groups
from rebalance.cli.choices import show


@groups.command("losses")
@groups.option("Output", "--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(as_json: bool) -> None:
    """List every loss of train in a sentence, with its options and their defaults.

    An option is given as --loss-option NAME=VALUE. What else can be chosen, such as regimes and
    thresholds, is listed by choices.

    \b
    Examples:
      rebalance losses
      rebalance losses --json
    """
    show(["losses"], as_json=as_json)
