"""The leading eigenvectors of positive semidefinite matrices: all that is solved for anywhere.

A small matrix is LAPACK's (``eigenvectors_of``). For a larger one, or one that is known only by its
products, there is a block Krylov iteration of our own rather than ARPACK, which draws from a
generator that cannot be seeded in every version of scipy, and asks for one vector at a time where
each product may be a pass over a file. Where distances within some percent will do, a few rounds of
subspace iteration take a fraction of the time (``rough_axes``). Imports numpy and nothing heavier.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance.errors import FeatureError
from rebalance.numerics.products import Threads, threads

Floats = NDArray[np.floating[Any]]

MAX_CYCLES = 200
DENSE_SIDE = 1024  # up to here LAPACK is faster than the iteration
SPARE = 30  # columns iterated beyond those asked for; they halve the passes
ROUNDS = 4  # of subspace iteration: more than enough for directions that distances are taken in
RANK_TOLERANCE = 1e-6  # values, in units of the largest, below which float32 sees only rounding
LEAST_PIVOT = 1e-3  # of columns whose squares tell them apart well enough


def eigenvectors_of(
    symmetric: NDArray[np.float64], count: int, team: Threads
) -> tuple[Floats, Floats]:
    """The ``count`` largest eigenvalues, falling, and their unit eigenvectors [n, count].

    symmetric: the positive semidefinite matrix [n, n].
    """
    side = len(symmetric)
    if side > DENSE_SIDE:

        def multiply(block: Floats) -> Floats:
            product: Floats = team.multiply(symmetric, block)
            return product

        return leading_eigenvectors(multiply, random_start(side, count), count, tolerance=1e-7)
    values, vectors = np.linalg.eigh(symmetric)
    return values[::-1][:count], vectors[:, ::-1][:, :count]


def random_start(side: int, count: int) -> NDArray[np.float64]:
    """Return where to begin the iteration for ``count`` eigenvectors: always the same columns."""
    width = count + SPARE
    # A second block would not fit: take all directions, and the first product is exact.
    return np.random.default_rng(0).standard_normal((side, width if 2 * width <= side else side))


def significant(values: Floats) -> NDArray[np.bool_]:
    """Return which of falling eigenvalues are more than rounding in float32."""
    return values > max(RANK_TOLERANCE * float(values[0]), 0.0)


def rough_axes(rows: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Orthonormal directions [D, up to ``count``] in which ``rows`` [n, D] vary most, or nearly so.

    They are the eigenvectors of rows.T @ rows, found by randomised subspace iteration in a fixed
    number of rounds (Halko, Martinsson & Tropp 2011).
    """
    samples, columns = rows.shape
    count = min(count, samples, columns)
    width = min(count + SPARE, samples, columns)
    start = np.random.default_rng(0).standard_normal((columns, width)).astype(np.float32)
    with threads() as team:
        basis = np.linalg.qr(start)[0]
        for _ in range(ROUNDS):
            turned = team.multiply(rows.T, team.multiply(rows, basis))
            basis = np.linalg.qr(turned)[0]
        axes = np.linalg.svd(team.multiply(rows, basis), full_matrices=False)[2]
        directions: NDArray[np.float32] = (basis @ axes.T[:, :count]).astype(np.float32)
    return directions


def leading_eigenvectors(
    multiply: Callable[[Floats], Floats],
    start: Floats,
    count: int,
    *,
    depth: int = 3,
    tolerance: float = 1e-6,
) -> tuple[Floats, Floats]:
    """Find the ``count`` largest eigenvalues, falling, and their unit eigenvectors [n, count].

    multiply: the product of the positive semidefinite matrix [n, n] with a block [n, width].
    start: where to begin, [n, width], of full rank, in the precision to iterate in. More columns
    than ``count`` make it converge in fewer products; n columns are exact at once, others may be
    n / 2 at most.
    depth: blocks that the Krylov space is built of, 2 or more; fewer where n has no room for them.
    tolerance: the largest residual |A v - value v| allowed, in units of the largest eigenvalue.

    The same input gives the same output. Restarted from the best Ritz vectors until the residual
    is small (Golub & Underwood 1977, The block Lanczos method). FeatureError if it never is.
    """
    depth = max(1, min(depth, len(start) // start.shape[1]))
    rng = np.random.default_rng(0)
    with threads() as team:
        block = _orthonormal(start, team)
        product = multiply(block)
        for _ in range(MAX_CYCLES):
            basis, products = _krylov_space(multiply, block, product, depth, rng, team)
            values, weights = _ritz_pairs(basis, products, start.shape[1], team)
            block, product = team.multiply(basis, weights), team.multiply(products, weights)
            residuals = np.sqrt(np.square(product - block * values).sum(axis=0))
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
    team: Threads,
) -> tuple[Floats, Floats]:
    """Return an orthonormal basis of span(block, A block, ..., A^(depth-1) block) and its product.

    The product is A times the basis.
    """
    width = block.shape[1]
    basis = np.empty((len(block), depth * width), block.dtype, order="F")
    products = np.empty_like(basis)
    basis[:, :width], products[:, :width] = block, product
    for end in range(width, depth * width, width):
        added = _new_directions(basis[:, :end], product, rng, team)
        product = multiply(added)
        basis[:, end : end + width], products[:, end : end + width] = added, product
    return basis, products


def _new_directions(
    basis: Floats, block: Floats, rng: np.random.Generator, team: Threads
) -> Floats:
    """Return as many orthonormal columns as ``block`` has, of its part outside ``basis``.

    Where the space is exhausted, what is left of a column is only rounding: a random one takes its
    place.
    """
    rounding = 100 * float(np.finfo(block.dtype).eps) * float(np.sqrt(np.square(block).sum()))
    added = _beside(basis, block, team)
    pivots, whitened = _whitened(added, team)
    if whitened is None or pivots.min() <= rounding / LEAST_PIVOT:
        lost = np.abs(np.diag(np.linalg.qr(added, mode="r"))) <= rounding
        added[:, lost] = rng.standard_normal((len(added), lost.sum()))
        whitened = np.linalg.qr(_beside(basis, added, team))[0]
    # Once leaves rounding that is large against what was small.
    return _orthonormal(_beside(basis, whitened, team), team)


def _beside(basis: Floats, block: Floats, team: Threads) -> Floats:
    """Return the part of each column of ``block`` outside the span of the orthonormal ``basis``."""
    rest: Floats = block - team.multiply(basis, team.inner(basis, block).astype(block.dtype))
    return rest


def _orthonormal(block: Floats, team: Threads) -> Floats:
    """Return orthonormal columns [n, k] that span the same space as ``block`` [n, k]."""
    first = _whitened(block, team)[1]
    second = None if first is None else _whitened(first, team)[1]
    return np.linalg.qr(block)[0] if second is None else second


def _whitened(block: Floats, team: Threads) -> tuple[Floats, Floats | None]:
    """Multiply the block [n, k] by a triangle that makes it nearly orthonormal, by products alone.

    Before it the lengths [k] that its columns have beside those before them; None in its place
    where they depend on each other too much for squares to tell (Yamamoto et al. 2015, Roundoff
    error analysis of the CholeskyQR2 algorithm).
    """
    gram = team.inner(block, block)
    lengths = np.sqrt(gram.diagonal())
    if not lengths.all():
        return lengths, None
    try:
        triangle = np.linalg.cholesky(gram / lengths / lengths[:, None])
    except np.linalg.LinAlgError:
        return lengths, None
    pivots = triangle.diagonal()
    if pivots.min() < LEAST_PIVOT:
        return lengths * pivots, None
    towards = np.linalg.inv(triangle).T / lengths[:, None]
    return lengths * pivots, team.multiply(block, towards.astype(block.dtype))


def _ritz_pairs(
    basis: Floats, products: Floats, count: int, team: Threads
) -> tuple[Floats, Floats]:
    """Return the ``count`` largest Ritz values, falling, and their coordinates in ``basis``."""
    projected = team.inner(basis, products)
    values, weights = np.linalg.eigh((projected + projected.T) / 2)
    return values[::-1][:count], weights[:, ::-1][:, :count].astype(basis.dtype)
