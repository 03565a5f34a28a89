"""Training: a generator of epochs, for any loss, sampler and regime.

``loop`` is the generator, ``trainer`` the pass over an epoch's batches, ``optimisers`` what steps
and what is frozen, ``replicas`` the other processes; ``schedules``, ``sampling`` and ``regimes``
are what a user chooses from, and import no torch. Never imports click, scikit-learn or umap.
"""
