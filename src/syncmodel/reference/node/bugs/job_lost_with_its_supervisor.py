"""A supervisor that was killed forgets its job."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="job-lost-with-its-supervisor",
    title="A deployment is forgotten when its machine dies in the middle",
    stands_for=(
        "A restart that loses the current job: iExecBlockchainComputing/iexec-worker, issue 101, "
        "'Better handle worker restart'"
    ),
    family="deployments",
    supervisor=lambda p: attrs.evolve(p, resumes=lambda: False),
)
