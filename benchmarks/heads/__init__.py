"""Which treatment helps a linear head on features that stay as they are, over seeds.

    python -m benchmarks.heads photos/train photos/test --extractor weights.pth --arch mobilenet_v2

A treatment is what is done with the training images, ``treatments``; the head is a logistic
regression by L-BFGS that also learns from labels that classes share, ``soft``; ``scores`` fits and
scores it. With TEST each seed trains on another part of the images; without, it holds out a fifth.
"""
