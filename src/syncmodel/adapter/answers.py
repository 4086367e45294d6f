"""What the author's methods may raise to say what became of a request."""

from __future__ import annotations

#: Why a system may refuse a request.
CODES = ("exists", "no_such_row", "missing_reference", "referenced", "read_only", "no_quorum")
#: What `Adapter.answers` has for an exception of which nobody knows what it means.
UNKNOWN = "unknown"


class Refused(Exception):  # noqa: N818 (an answer, not an error)
    """The system refused the request, for sure.

    `code`: `exists`, `no_such_row`, `missing_reference`, `referenced`, `read_only`, `no_quorum`.
    Raises `ValueError` for another one, so that no slip of an adapter's reads as a finding.
    """

    def __init__(self, code: str) -> None:
        if code not in CODES:
            raise ValueError(f"Refused({code!r:.60}): the code is one of {', '.join(CODES)}.")
        super().__init__(code)
        self.code = code


class Unknown(Exception):  # noqa: N818 (an answer, not an error)
    """Nobody can tell whether the write happened, or may yet."""
