"""The digest of a JSON value."""

import hashlib
import json
from typing import Any


def json_digest(value: Any) -> str:
    """SHA-256, in hex, of a JSON value; the order of its keys does not matter."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
