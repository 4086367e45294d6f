"""A tester for tests of its own end: boots three machines, and waits.

`python tester_to_kill.py APPLICATION [namespaces]` says "booting FOLDER", then "up FOLDER".
"""

import asyncio
import signal
import sys

from syncmodel.reference.machines.local import LocalMachines


async def main(application: str, kind: type[LocalMachines] = LocalMachines) -> None:
    async with kind(application) as machines:
        print("booting", machines.folder, flush=True)
        await machines.prepare(["n1", "n2", "n3"]).boot()
        print("up", machines.folder, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    # Whoever runs the tests may have been started with it ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if sys.argv[2:]:
        from syncmodel.reference.machines.namespaces import NamespaceMachines

        asyncio.run(main(sys.argv[1], NamespaceMachines))
    else:
        asyncio.run(main(sys.argv[1]))
