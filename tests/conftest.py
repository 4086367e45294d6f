"""Makes the helpers beside the tests importable: pytest's importlib mode does not."""

import os
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

TESTS = Path(__file__).parent
UNIT = ("model", "checker", "corpus", "machine", "exhaustive")
sys.path[:0] = [str(TESTS / "support"), *(str(TESTS / "unit" / name) for name in UNIT)]

# Under xdist a test is one of a worker's, but a search that it makes, here or in a process of its
# own, is whole and no share.
for name in [name for name in os.environ if name.startswith("PYTEST_XDIST_")]:
    del os.environ[name]

# A verdict on the code is none on how busy the machine is.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")
