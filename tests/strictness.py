"""The files that a strict mode of conftest.py does not hold for, each with the reason."""

# Files whose arrays of different types may meet, each with the reason.
PROMOTION = {
    'tests/testing/test_networks.py': 'networks that mix types, as one of a fork may',
    'tests/test_bfloat16.py': "Flax's layers promote float32 parameters and bfloat16 inputs",
}
# Files that use a key twice, each with the reason.
KEY_REUSE: dict[str, str] = {}
