"""Makes the helpers beside the tests importable: pytest's importlib mode does not."""

import sys
from pathlib import Path

UNIT = Path(__file__).parent / "unit"
sys.path[:0] = [str(UNIT / name) for name in ("model", "checker", "machine")]
