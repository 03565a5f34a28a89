"""The leading eigenvectors of a symmetric matrix that is known only by its products.

A block Krylov iteration of our own rather than ARPACK, which draws from a generator that cannot be
seeded in every version of scipy, and asks for one vector at a time where each product may be a pass
over a file. Imports numpy and nothing heavier.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rebalance.errors import FeatureError

Floats = NDArray[np.float64]

MAX_CYCLES = 200


def leading_eigenvectors(
    multiply: Callable[[Floats], Floats],
    start: Floats,
    count: int,
    *,
    depth: int = 3,
    tolerance: float = 1e-6,
) -> tuple[Floats, Floats]:
    """The ``count`` largest eigenvalues, falling, and their unit eigenvectors [n, count].

    multiply: the product of the positive semidefinite matrix [n, n] with a block [n, width].
    start: where to begin, [n, width], of full rank. More columns than ``count`` make it converge in
    fewer products; n columns are exact at once, others may be n / 2 at most.
    depth: blocks that the Krylov space is built of, 2 or more; fewer where n has no room for them.
    tolerance: the largest residual |A v - value v| allowed, in units of the largest eigenvalue.

    The same input gives the same output. Restarted from the best Ritz vectors until the residual
    is small (Golub & Underwood 1977, The block Lanczos method). FeatureError if it never is.
    """
    depth = max(1, min(depth, len(start) // start.shape[1]))
    rng = np.random.default_rng(0)
    block = np.linalg.qr(start)[0]
    product = multiply(block)
    for _ in range(MAX_CYCLES):
        basis, products = _krylov_space(multiply, block, product, depth, rng)
        values, weights = _ritz_pairs(basis, products, start.shape[1])
        block, product = basis @ weights, products @ weights
        residuals = np.linalg.norm(product - block * values, axis=0)
        if residuals[:count].max() <= tolerance * abs(values[0]):
            return values[:count], block[:, :count]
    raise FeatureError(
        f"eigenvectors of the features did not converge in {MAX_CYCLES} cycles: look for columns "
        "of corrupt values among them"
    )


def _krylov_space(
    multiply: Callable[[Floats], Floats],
    block: Floats,
    product: Floats,
    depth: int,
    rng: np.random.Generator,
) -> tuple[Floats, Floats]:
    """An orthonormal basis of span(block, A block, ..., A^(depth-1) block), and A times it."""
    width = block.shape[1]
    basis = np.empty((len(block), depth * width))
    products = np.empty_like(basis)
    basis[:, :width], products[:, :width] = block, product
    for end in range(width, depth * width, width):
        added = _new_directions(basis[:, :end], product, rng)
        product = multiply(added)
        basis[:, end : end + width], products[:, end : end + width] = added, product
    return basis, products


def _new_directions(basis: Floats, block: Floats, rng: np.random.Generator) -> Floats:
    """Orthonormal columns, as many as ``block`` has, of what it holds beside ``basis``.

    Where the space is exhausted, what is left of a column is only rounding: a random one takes its
    place.
    """
    rounding = 100 * np.finfo(np.float64).eps * np.linalg.norm(block)
    added: Floats = block - basis @ (basis.T @ block)
    lost = np.abs(np.diag(np.linalg.qr(added, mode="r"))) <= rounding
    added[:, lost] = rng.standard_normal((len(added), lost.sum()))
    for _ in range(2):  # once leaves rounding that is large against what was small
        added = np.linalg.qr(added - basis @ (basis.T @ added))[0]
    return added


def _ritz_pairs(basis: Floats, products: Floats, count: int) -> tuple[Floats, Floats]:
    """The ``count`` largest Ritz values, falling, and their coordinates in ``basis``."""
    projected = basis.T @ products
    values, weights = np.linalg.eigh((projected + projected.T) / 2)
    return values[::-1][:count], weights[:, ::-1][:, :count]
