"""Networks run on images as fast as the machine allows: reading, passing, and bringing back.

``reading`` decodes. ``tracing`` writes a body down as a graph with its BatchNorms folded.
``packing`` runs its convolutions in oneDNN's fused operators, and ``checking`` compares the result
with the network itself. ``processor`` and ``accelerator`` are the two ways through many images, and
``memory`` keeps the heap from giving pages back between them. Imports torch; never click.
"""
