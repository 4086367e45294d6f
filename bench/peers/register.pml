/* The register of register.py, action by action, for SPIN.

   spin -DNODES=3 -DWRITES=2 -DCUTS=1 -DFORGETS=0 -a register.pml

   One process whose every action is one d_step, so that SPIN counts the states that ours counts. */

#define LINKS (NODES * NODES)
#define AT(a, b) ((a) * NODES + (b))
/* A version by `node`, later than `had`; dead is 1 for a tombstone. */
#define VERSION(had, node, dead) (2 * (((had) / (2 * NODES) + 1) * NODES + (node)) + (dead))
#define SHOWS_NOTHING_OLD(node) \
    assert(have[node] == 0 || have[node] % 2 == 1 || have[node] > buried[node])

byte have[NODES];    /* 0: nothing */
byte buried[NODES];  /* the newest tombstone that the node took */
byte wire[LINKS];    /* what is under way on each link, 0: nothing */
bit cut[LINKS];
byte writes;
byte cuts;

#define OF_NODE(n) \
    :: d_step { writes < WRITES -> \
         have[n] = VERSION(have[n], n, 0); writes++; SHOWS_NOTHING_OLD(n) } \
    :: d_step { writes < WRITES && have[n] != 0 && have[n] % 2 == 0 -> \
         have[n] = VERSION(have[n], n, 1); writes++; \
         buried[n] = (have[n] > buried[n] -> have[n] : buried[n]); SHOWS_NOTHING_OLD(n) }

#define OF_LINK(a, b) \
    :: d_step { wire[AT(a, b)] == 0 && have[a] != 0 && !cut[AT(a, b)] -> \
         wire[AT(a, b)] = have[a] } \
    :: d_step { wire[AT(a, b)] != 0 -> \
         if \
         :: wire[AT(a, b)] > have[b] && wire[AT(a, b)] % 2 == 1 -> \
              buried[b] = (wire[AT(a, b)] > buried[b] -> wire[AT(a, b)] : buried[b]); \
              have[b] = (FORGETS -> 0 : wire[AT(a, b)]) \
         :: wire[AT(a, b)] > have[b] && wire[AT(a, b)] % 2 == 0 -> have[b] = wire[AT(a, b)] \
         :: else -> skip \
         fi; \
         wire[AT(a, b)] = 0; SHOWS_NOTHING_OLD(b) } \
    :: d_step { wire[AT(a, b)] != 0 -> wire[AT(a, b)] = 0 } \
    :: d_step { !cut[AT(a, b)] && cuts < CUTS -> \
         cut[AT(a, b)] = 1; wire[AT(a, b)] = 0; cuts++ } \
    :: d_step { cut[AT(a, b)] -> cut[AT(a, b)] = 0 }

active proctype replicas() {
    do
    OF_NODE(0)
    OF_NODE(1)
    OF_LINK(0, 1)
    OF_LINK(1, 0)
#if NODES > 2
    OF_NODE(2)
    OF_LINK(0, 2)
    OF_LINK(2, 0)
    OF_LINK(1, 2)
    OF_LINK(2, 1)
#endif
    od
}
