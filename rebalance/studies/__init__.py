"""Which rebalancing helps on these images: a grid of treatments, seeds and folds, and its table."""
