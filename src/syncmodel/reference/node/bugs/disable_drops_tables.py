"""To stop a plugin is taken for taking it out."""

import attrs

from syncmodel.reference.node.bugs.base import Bug
from syncmodel.reference.node.supervisor_pieces import all_of

BUG = Bug(
    name="disable-drops-tables",
    title="A plugin that is disabled loses its tables with all their rows",
    stands_for=(
        "A plugin that drops its tables when it is deactivated, not when it is uninstalled: "
        "Jack-Dane/odoo-wp-plugin, issue 33, 'Do not delete data and tables from the database on "
        "deactivate plugin'"
    ),
    family="deployments",
    supervisor=lambda p: attrs.evolve(p, disable_migrations=all_of),
)
