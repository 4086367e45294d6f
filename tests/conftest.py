"""Makes the helpers beside the tests importable: pytest's importlib mode does not."""

import sys
from pathlib import Path

TESTS = Path(__file__).parent
TESTS = Path(__file__).parent
UNIT = ("model", "checker", "corpus", "machine", "exhaustive")
sys.path[:0] = [str(TESTS / "support"), *(str(TESTS / "unit" / name) for name in UNIT)]
