"""`python -m syncmodel` is `syncmodel`."""

import sys

from syncmodel.cli import main

sys.exit(main())
