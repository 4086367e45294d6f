"""No file of the current folder is executed because it is called like a module that we import.

Python puts that folder first where it is started with -m or -c: for us, and for what we start.
What an option names of the user's own is appended to the path, last, where it is named. Nothing is
imported here but what every Python has imported by then, not even annotations. What `python -m`
itself imports before us (contextlib, types, ...) can't be helped: the command `syncmodel`, and
`python -P -m syncmodel`, are safe from that too.
"""

import os
import sys

#: How a Python of ours is started.
COMMAND = (sys.executable, "-P")
FLAG = "PYTHONSAFEPATH"
#: Its value where we set it; any but none will do.
OURS = "syncmodel"


def leave_current_folder() -> None:
    """Take the current folder from the path that `python -m syncmodel` put first.

    Not where the package itself lies in it: then its files are the program.
    """
    try:
        here = os.getcwd()
    except OSError:
        # It is gone, and so are its files.
        here = ""
    first = sys.path[0] if sys.path else None
    ours = os.path.dirname(os.path.dirname(__file__))
    if not sys.flags.safe_path and first in ("", here) and ours != here:
        del sys.path[0]


#: Folders of the user's that are searched for modules after all others.
LAST: list[str] = []


def search_last(folder: str) -> None:
    """Search that folder for modules too, from now on, after all others."""
    if folder not in sys.path:
        sys.path.append(folder)
        LAST.append(folder)


class SafeChildren:
    """What `multiprocessing` starts inside has no current folder on its path.

    Nor a folder of `LAST`: there is more that a child imports before our code runs in it, and tries
    to import, than there is. It searches them itself, once all of ours is imported.
    """

    def __enter__(self) -> None:
        self._set = FLAG not in os.environ
        if self._set:
            os.environ[FLAG] = OURS
        self._path = list(sys.path)
        sys.path[:] = [folder for folder in self._path if folder not in LAST]

    def __exit__(self, *error: object) -> None:
        sys.path[:] = self._path
        if self._set:
            del os.environ[FLAG]


def started() -> None:
    """In such a child: what it starts itself, for a target of the user's, is as usual."""
    if os.environ.get(FLAG) == OURS:
        del os.environ[FLAG]
