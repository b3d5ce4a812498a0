"""The sizes that are measured: few classes, many, and vocabularies; vectors up to a large image batch; small steps."""

ROWS_AND_CLASSES = ((65_536, 10), (8_192, 1_000), (1_024, 32_000), (512, 128_256))
ELEMENTS = (1_000, 100_000, 10_000_000, 64_000_000)
FOCAL = (8_192, 1_000)
SEQUENCES, TOKENS = (32, 400, 80), 60  # steps and classes of speech in letters
BATCH = (1_024, 256)  # rows that compare with each other, and their features
SMALL_STEPS = ((8, 10), (32, 10))  # rows and classes
SMALL_ELEMENTS = ((32, 1), (32, 10))

# What `--quick` leaves of them.
QUICK_ROWS_AND_CLASSES = ROWS_AND_CLASSES[:2]
QUICK_ELEMENTS = ELEMENTS[:2]
