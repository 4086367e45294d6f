"""`python -m syncmodel` is `syncmodel`."""

import os
from typing import NoReturn


def run() -> NoReturn:
    """The process, from beginning to end."""
    try:
        from syncmodel.cli import main
        from syncmodel.cli.edge import leave, whole
    except BaseException as error:  # noqa: BLE001 the edge, where not even that can be imported
        _unable(error)
    leave(whole(main))


def _unable(error: BaseException) -> NoReturn:
    """End before the command line is there, with nothing but what every Python has by then."""
    code = 130 if isinstance(error, KeyboardInterrupt) else 3
    if code == 130:
        said = "interrupted"
    elif isinstance(error, MemoryError):
        said = "there is not enough memory to begin: see `ulimit -v`"
    elif isinstance(error, ImportError):
        said = f"it is not whole ({str(error)!a}): install it again, with what it needs"
    else:
        said = f"it can't begin: {type(error).__name__}: {str(error)!a}"
    try:
        os.write(2, f"syncmodel: {said}.\n".encode())
    finally:
        os._exit(code)


if __name__ == "__main__":
    run()
