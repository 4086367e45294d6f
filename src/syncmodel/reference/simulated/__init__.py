"""The reference node's own cores under a virtual network and virtual time, as one value.

`world` is the value, `coming` the set of what can happen in it, `acts` is what can be done to it,
`sights` what can be seen of it, and `canonical` tells when two of them are the same situation.
`cluster` is the `Target` over it. Public: the model's own tests and yours can run on it.
"""

from syncmodel.reference.simulated.canonical import canonical
from syncmodel.reference.simulated.cluster import DroppingSimulation, SimulatedCluster
from syncmodel.reference.simulated.coming import Deliverable
from syncmodel.reference.simulated.setup import setup
from syncmodel.reference.simulated.sights import at_rest, views
from syncmodel.reference.simulated.world import (
    VirtualWorld,
    deliver,
    deliverables,
    initial,
)

__all__ = [
    "Deliverable",
    "DroppingSimulation",
    "SimulatedCluster",
    "VirtualWorld",
    "at_rest",
    "canonical",
    "deliver",
    "deliverables",
    "initial",
    "setup",
    "views",
]
