"""Print the lowest version of each dependency that pyproject.toml allows, as pip's constraints.

The extras' own names are left out: `syncmodel[reference]` is no version of anything.
"""

import re
import sys
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
extras = project["optional-dependencies"]
declared = [*project["dependencies"], *extras["reference"], *extras["dev"]]
for requirement in declared:
    if bound := re.fullmatch(r"([\w.-]+)>=([\w.]+)", requirement):
        print(f"{bound[1]}=={bound[2]}")
    elif not requirement.startswith(f"{project['name']}["):
        sys.exit(f"pyproject.toml: {requirement!r} has no lower bound: write NAME>=VERSION.")
