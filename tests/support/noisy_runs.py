"""A known failure among many other steps, for whoever is to find it again."""

from collections.abc import Callable, Sequence
from random import Random

from supertest import create_case, create_event, delete_case, delete_event, update_case

from syncmodel.model.net import Net
from syncmodel.model.plan import Plan
from syncmodel.steps import Burst, Cut, Heal, Mend, Restart, Resync, Step


def noise(
    random: Random, nodes: Sequence[str], kinds: Sequence[int], tokens: Callable[[], str]
) -> Step:
    """A step of these kinds that has nothing to do with c1, e1: other rows, links, restarts."""
    node, other = random.choice(nodes), random.choice(nodes)
    case, event = f"x{random.randint(1, 9)}", f"y{random.randint(1, 9)}"
    choices: tuple[Callable[[], Step], ...] = (
        lambda: create_case(node, case, tokens()),
        lambda: update_case(node, case, tokens()),
        lambda: delete_case(node, case),
        lambda: create_event(node, event, case, tokens()),
        lambda: delete_event(node, event),
        lambda: Resync(node, random.random() < 0.5),
        lambda: Restart(node),
        lambda: Cut(node, other),
        lambda: Mend(node, other),
        Heal,
        lambda: Burst((create_case(node, case, tokens()), create_case(other, case, tokens()))),
    )
    return choices[random.choice(kinds)]()


#: How many kinds of noise there are; each run has some of them (swarm testing).
KINDS = 11


def noisy(net: Net, known: Sequence[Step], random: Random, between: int = 12) -> tuple[Step, ...]:
    """The known failure with noise before every one of its steps; some of it will hide it."""
    count = iter(range(10_000))
    kinds = [0, *random.sample(range(1, KINDS), 3)]
    plan, steps = Plan(net), list[Step]()

    def add(step: Step) -> None:
        nonlocal plan
        if step.enabled(plan):
            plan = step.advance(plan)
            steps.append(step)

    for step in known:
        for _ in range(random.choice((0, random.randint(0, between)))):
            add(noise(random, net.nodes, kinds, lambda: f"noise{next(count)}"))
        add(step)
    return tuple(steps)
