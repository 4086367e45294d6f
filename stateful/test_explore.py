"""Random sequences on live nodes: after each step every node shows what the model allows.

The machine has a rule for each kind of step: `syncmodel/machine/cluster.py`. It stops at the first
failure, which is then shortened, confirmed and saved. `--hypothesis-seed=N` generates the same
sequences every time.
"""

from syncmodel.machine.cluster import ClusterMachine

TestCluster = ClusterMachine.TestCase
