"""How much memory this process takes: the checker's only look at the outside.

The clock is `time.monotonic`; both are arguments of `check`, so that tests decide what they say.
"""

import os
import resource
import sys
from pathlib import Path

_STATM = Path("/proc/self/statm")


def resident_mib() -> float:
    """The resident set of this process in MiB; where there is no /proc, the largest it ever was."""
    try:
        pages = int(_STATM.read_bytes().split()[1])
    except OSError:
        largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return largest / (2**20 if sys.platform == "darwin" else 2**10)
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
