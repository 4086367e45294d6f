"""Makes the helpers beside the tests importable: pytest's importlib mode does not."""

import sys
from pathlib import Path

TESTS = Path(__file__).parent
HELPERS = ("support", "unit/model", "unit/checker", "unit/corpus", "unit/exhaustive")
sys.path[:0] = [str(TESTS / name) for name in HELPERS]
