"""A plugin of pytest that writes the counts so far to $RESULT, for a run that may be ended."""

import json
import os
from collections import Counter
from pathlib import Path

COUNTS, FAILED = Counter(), []


def pytest_runtest_logreport(report):
    """Counts a test by its outcome; a set-up counts only if the test itself does not run."""
    if os.environ.get('PYTEST_XDIST_WORKER') or (report.when != 'call' and report.passed):
        return
    COUNTS[report.outcome] += 1
    if report.failed:
        FAILED.append(report.nodeid)
    Path(os.environ['RESULT']).write_text(json.dumps({'counts': COUNTS, 'failed': FAILED}))
