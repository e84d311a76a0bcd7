"""The files that a strict mode of conftest.py does not hold for, each with the reason."""

# Files whose arrays of different types may meet, each with the reason.
COSINE = "optax's cosine schedule compares a float with an integer count"
PUBLIC = 'arrays of public packages meet ours'
PROMOTION = {
    'tests/evaluate/leak/test_meter.py': COSINE,
    'tests/evaluate/test_features.py': COSINE,
    'tests/oracle/test_inception.py': PUBLIC,
    'tests/oracle/test_metrics.py': PUBLIC,
    'tests/test_howto.py': COSINE,
    'tests/test_schema.py': "Flax's layers promote float32 parameters and bfloat16 inputs",
    'tests/testing/test_networks.py': 'networks that mix types, as one of a fork may',
    'tests/test_bfloat16.py': "Flax's layers promote float32 parameters and bfloat16 inputs",
    'tests/test_precision.py': "Flax's layers promote float32 parameters and bfloat16 inputs",
}
# Files that use a key twice, each with the reason.
KEY_REUSE = {
    'tests/benchmark/test_command.py': 'a timed call is repeated with its key',
    'tests/oracle/test_in_torch.py': 'both frameworks draw from one key',
}
