"""The proof of the doctor: faulty programs, the same ones mended, and healthy ones, each trained for real and judged.

``python -m benchmarks doctor`` runs them all; ``program`` says what one is, ``keras_*`` and ``torch_*`` hold them,
``keras_fit`` and ``torch_loop`` train and judge one, ``tally`` counts, ``run`` does it by framework and seed.
"""
