"""Where a run starts: how many nodes, on which generation each."""

from __future__ import annotations

from attrs import evolve
from hypothesis import strategies as st

from syncmodel.model.net import Net, fully_connected

PLUGIN, NEWER = 2, 3


@st.composite
def topologies(draw: st.DrawFn, nodes: int) -> Net:
    """A whole network of that many nodes: mostly all on the plugin, at times on mixed versions."""
    net = fully_connected(nodes, PLUGIN)
    start = draw(st.sampled_from(("same", "same", "same", "mixed", "bare")))
    if start == "mixed":
        newer = draw(st.sampled_from(net.nodes))
        return net.deploy((newer,), NEWER)
    if start == "bare":
        bare = draw(st.sampled_from(net.nodes))
        return net.deploy((bare,), 1)
    return evolve(net)
