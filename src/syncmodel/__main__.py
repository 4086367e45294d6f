"""`python -m syncmodel` is `syncmodel`."""

from syncmodel.cli import main
from syncmodel.cli.edge import leave


def run() -> None:
    """The process, from beginning to end."""
    leave(main())


if __name__ == "__main__":
    run()
