"""The wall clock of a machine that was set: how far it is ahead of the true time, or drifts.

A fault that takes time to grow: what was right when it was looked at is not for long, and two
stamps made one after another may be the same one.
"""

from __future__ import annotations

from attrs import frozen

#: So far a clock may be from the true time, seconds: nodes may refuse stamps that are further ahead
#: than that allows (docs/contract.md, "Sync"). One that drifts stays there.
FURTHEST_S = 60


@frozen
class Pace:
    """So many seconds ahead; or, from the Unix time `since_s` on, gaining so many percent."""

    ahead_s: int = 0
    percent: int = 0
    since_s: float = 0.0

    def at(self, now_s: float) -> float:
        """What the clock shows at this true time; both are Unix seconds."""
        if not self.percent:
            return now_s + self.ahead_s
        gained_s = (now_s - self.since_s) * self.percent / 100
        return now_s + max(-FURTHEST_S, min(FURTHEST_S, gained_s))


#: A clock that was not set.
RIGHT = Pace()
