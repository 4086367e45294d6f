// fast-check's model-based commands on our simulator, which is asked over a pipe (pipe.py).
//
//   node fast_check.mjs PYTHON [--bug NAME] --seed N --cap N --steps N
//
// The model is a naive user's: it knows the nodes, which rows were created, and which links are cut.
// fast-check shrinks by itself. What comes out is the server's report: the runs, in order.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import fc from 'fast-check';

const NODES = ['n1', 'n2', 'n3'];
// As long as Hypothesis allows itself to shrink.
const SHRINKING_LIMIT_MS = 300_000;

class Pipe {
  constructor(python, args) {
    const server = fileURLToPath(new URL('pipe.py', import.meta.url));
    this.child = spawn(python, [server, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.answers = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  async ask(request) {
    this.child.stdin.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await this.answers.next();
    if (done) throw new Error('the simulator is gone');
    const answer = JSON.parse(value);
    if (answer.error) throw new Error(`the simulator did not understand: ${answer.error}`);
    return answer;
  }

  async must(request) {
    const { verdict, reason } = await this.ask(request);
    if (verdict === 'diverged') throw new Divergence(reason);
  }

  close() {
    this.child.stdin.end();
  }
}

class Divergence extends Error {}

class Model {
  cases = new Set();
  events = new Map();
  cut = new Set();
  tokens = 0;
  increments = 0;

  token() {
    this.tokens += 1;
    return `t${this.tokens}`;
  }

  amount() {
    this.increments += 1;
    return 2 ** (this.increments - 1);
  }
}

const always = () => true;
const link = ({ from, to }) => `${from}>${to}`;
const hasCase = (model, { case: name }) => model.cases.has(name);

const ofCase = ({ node, case: row }) => ({ node, table: 'cases', row });
const ofEvent = ({ node, event: row }) => ({ node, table: 'events', row });

// For each kind of command: whether the naive user would do it now, and the step that it is.
const KINDS = {
  create_case: {
    check: always,
    step: (model, given) => (
      model.cases.add(given.case),
      { op: 'create', ...ofCase(given), values: { title: model.token() } }
    ),
  },
  set_title: {
    check: hasCase,
    step: (model, given) => ({
      op: 'set', ...ofCase(given), column: 'title', value: model.token(),
    }),
  },
  add_to_counter: {
    check: hasCase,
    step: (model, given) => ({
      op: 'add', ...ofCase(given), column: 'counter', by: model.amount(),
    }),
  },
  delete_case: { check: hasCase, step: (model, given) => ({ op: 'delete', ...ofCase(given) }) },
  create_event: {
    check: (model, { event, case: name }) =>
      hasCase(model, { case: name }) && (model.events.get(event) ?? name) === name,
    step: (model, given) => (
      model.events.set(given.event, given.case),
      { op: 'create', ...ofEvent(given), values: { case: given.case, body: model.token() } }
    ),
  },
  delete_event: {
    check: (model, { event }) => model.events.has(event),
    step: (model, given) => ({ op: 'delete', ...ofEvent(given) }),
  },
  partition: {
    check: always,
    note: (model, { groups }) => {
      const [[alone], others] = groups;
      const links = others.flatMap((node) => [`${alone}>${node}`, `${node}>${alone}`]);
      model.cut = new Set(links);
    },
  },
  cut: {
    check: (model, step) => step.from !== step.to && !model.cut.has(link(step)),
    note: (model, step) => model.cut.add(link(step)),
  },
  mend: {
    check: (model, step) => model.cut.has(link(step)),
    note: (model, step) => model.cut.delete(link(step)),
  },
  heal: {
    check: (model) => model.cut.size > 0,
    note: (model) => model.cut.clear(),
  },
  resync: { check: always },
  rollout: { check: always },
  rollback: { check: always },
  crash: { check: always },
  restart: { check: always },
};

class Command {
  constructor(kind, given, hurry) {
    Object.assign(this, { kind, given, hurry });
  }

  check(model) {
    return KINDS[this.kind].check(model, this.given);
  }

  async run(model, pipe) {
    const { step: made, note } = KINDS[this.kind];
    note?.(model, this.given);
    const step = made?.(model, this.given) ?? { op: this.kind, ...this.given };
    await pipe.must({ op: 'step', step, hurry: this.hurry });
  }

  toString() {
    return `${this.kind}(${JSON.stringify(this.given)})${this.hurry ? ' in a hurry' : ''}`;
  }
}

function commands() {
  const node = fc.constantFrom(...NODES);
  const name = fc.constantFrom('c1', 'c2');
  const event = fc.constantFrom('e1', 'e2');
  const on = fc.constantFrom(...NODES.map((one) => [one]), NODES);
  const groups = node.map((alone) => [[alone], NODES.filter((other) => other !== alone)]);
  const given = {
    create_case: { node, case: name },
    set_title: { node, case: name },
    add_to_counter: { node, case: name },
    delete_case: { node, case: name },
    create_event: { node, event, case: name },
    delete_event: { node, event },
    partition: { groups },
    cut: { from: node, to: node },
    mend: { from: node, to: node },
    heal: {},
    resync: { node, full: fc.boolean() },
    rollout: { nodes: on, generation: fc.constantFrom(2, 3) },
    rollback: { nodes: on, generation: fc.constantFrom(1, 2) },
    crash: { node },
    restart: { node },
  };
  return Object.entries(given).map(([kind, fields]) =>
    fc
      .tuple(fc.record(fields), fc.boolean())
      .map(([values, hurry]) => new Command(kind, values, hurry)),
  );
}

async function search({ pipe, seed, cap, steps }) {
  let failedAt = null;
  const property = fc.asyncProperty(
    fc.commands(commands(), { maxCommands: steps, size: 'max' }),
    async (sequence) => {
      if (failedAt !== null && Date.now() > failedAt + SHRINKING_LIMIT_MS) return;
      try {
        await pipe.must({ op: 'begin' });
        await fc.asyncModelRun(() => ({ model: new Model(), real: pipe }), sequence);
        await pipe.must({ op: 'end' });
      } catch (error) {
        failedAt ??= Date.now();
        throw error;
      }
    },
  );
  return fc.check(property, { seed, numRuns: cap });
}

async function main() {
  const text = { type: 'string' };
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { bug: text, seed: text, cap: text, steps: text },
  });
  const bug = values.bug ? ['--bug', values.bug] : [];
  const pipe = new Pipe(positionals[0], [...bug, '--seed', values.seed]);
  const [seed, cap, steps] = [values.seed, values.cap, values.steps].map(Number);
  try {
    const found = await search({ pipe, seed, cap, steps });
    const error = found.errorInstance;
    if (error && !(error instanceof Divergence)) throw error;
    console.log(JSON.stringify(await pipe.ask({ op: 'report' })));
  } finally {
    pipe.close();
  }
}

await main();
