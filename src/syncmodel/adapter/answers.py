"""What the author's methods may raise to say what became of a request."""

from __future__ import annotations


class Refused(Exception):  # noqa: N818 (an answer, not an error)
    """The system refused the request, for sure.

    `code`: `exists`, `no_such_row`, `missing_reference`, `referenced`, `read_only`, `no_quorum`.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Unknown(Exception):  # noqa: N818 (an answer, not an error)
    """Nobody can tell whether the write happened, or may yet."""
