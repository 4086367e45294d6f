"""Makes the helpers beside the tests importable: pytest's importlib mode does not."""

import os
import sys
from pathlib import Path

TESTS = Path(__file__).parent
UNIT = ("model", "checker", "corpus", "machine", "exhaustive")
sys.path[:0] = [str(TESTS / "support"), *(str(TESTS / "unit" / name) for name in UNIT)]

# Under xdist a test is one of a worker's, but a search that it makes, here or in a process of its
# own, is whole and no share.
for name in [name for name in os.environ if name.startswith("PYTEST_XDIST_")]:
    del os.environ[name]
