"""The sizes that are measured: few classes, many, and vocabularies."""

ROWS_AND_CLASSES = ((65_536, 10), (8_192, 1_000), (1_024, 32_000))
