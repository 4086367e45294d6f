"""An application whose module locks something around each fork, as `concurrent.futures` does.

And whoever forks with it is told in the middle of that, with the lock held, that it must end.
"""

from __future__ import annotations

import os
import signal
import threading

from toy_application import serve

LOCK = threading.Lock()

os.register_at_fork(after_in_parent=lambda: os.kill(os.getpid(), signal.SIGTERM))
os.register_at_fork(before=LOCK.acquire, after_in_parent=LOCK.release, after_in_child=LOCK.release)

__all__ = ["serve"]
