"use strict";
// The picture of a run: time to the right, a lane for each node.

const LANE = 46, TOP = 30, LEFT = 14, GLYPH = 9;
const GLYPHS = {create: "+", set: "=", add: "±", delete: "−", read: "?", resync: "↻", crash: "✕", restart: "↑", backup: "⎘", restore: "↶",
  rollout: "⇧", rollback: "⇩", faulty_rollout: "⇑", faulty_rollback: "⇓", refused: "!", fill: "#", partition: "✂", cut: "✂", mend: "⌒", heal: "♥",
  pause: "‖", resume: "▷", clock: "◔", hang: "⊘", slow: "≈", disable: "⊖", uninstall: "⊗", reboot: "↺", select: "⇢",
  join: "⊞", leave: "⊟", reactivate: "⊡", trust: "✓", distrust: "≠", misuse: "¿"};
/** Steps that have no sign here, somebody's own too, are shown by their first letter. */
const signOf = (op) => GLYPHS[op] || op[0];
const MEANING = {create: "create", set: "change", add: "increment", delete: "delete", read: "read", resync: "resync",
  crash: "crash", restart: "restart", backup: "the disk is copied", restore: "the disk is put back", rollout: "rollout", rollback: "rollback",
  faulty_rollout: "rollout that meets a fault", faulty_rollback: "rollback that meets a fault", refused: "a bad request",
  fill: "many rows", partition: "the network splits", cut: "links cut", mend: "one link whole again", heal: "all links whole",
  hang: "a link hangs", slow: "a link is slow or quick again", pause: "stands still", resume: "goes on", clock: "its clock jumps",
  disable: "plugin disabled", uninstall: "plugin uninstalled", reboot: "machine reboots", select: "another generation selected",
  join: "joins the cluster", leave: "leaves it", reactivate: "is a member again", trust: "a peer is trusted", distrust: "a peer is trusted no more",
  misuse: "an admin request without a right to it"};
let drawn = 0;
const OF_LINKS = new Set(["partition", "cut", "mend", "heal", "hang", "slow"]);
// More messages than this are drawn for the chosen step alone.
const MOST_MESSAGES = 1500;

class Diagram {
  /** `pick(k)` is called when moment k is clicked. */
  constructor(run, pick) {
    this.run = run;
    this.hatch = `hatch${++drawn}`;
    this.width = run.moments.length > 80 ? 30 : run.moments.length > 30 ? 40 : 56;
    const wide = LEFT * 2 + run.moments.length * this.width, high = TOP + run.nodes.length * LANE + 8;
    this.columns = svg("g", {}), this.faults = svg("g", {}), this.lanes = svg("g", {});
    this.traced = run.moments.some((m) => m.happened);
    this.arrows = svg("g", {class: this.traced ? "arrows behind" : "arrows"}), this.messages = svg("g", {class: "arrows"}), this.marks = svg("g", {}), this.wrong = svg("g", {class: "wrong"});
    this.picked = svg("rect", {class: "picked", y: 0, width: this.width, height: high});
    this.picture = svg("svg", {viewBox: `0 0 ${wide} ${high}`, width: wide, height: high, role: "img",
      "aria-label": `${plural(run.moments.length - 1, "step")} on ${plural(run.nodes.length, "node")}; the steps are listed below`},
      svg("defs", {}, svg("pattern", {id: this.hatch, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)"},
        svg("rect", {width: 2, height: 6, class: "hatch"}))),
      this.picked, this.columns, this.faults, this.lanes, this.arrows, this.messages, this.marks, this.wrong);
    this.names = svg("svg", {class: "names", width: 64, height: high, viewBox: `0 0 64 ${high}`},
      run.nodes.map((node, j) => svg("text", {x: 58, y: this.y(j) + 4, "text-anchor": "end"}, node)));
    this.scroller = el("div", {class: "scroller", tabindex: "0", role: "group", "aria-label": "the picture of the run"}, this.names, this.picture);
    this.byStep = run.moments.map(() => []);
    run.moments.forEach((moment, k) => this.column(moment, k));
    run.nodes.forEach((node, j) => { this.lane(node, j); });
    this.drawArrows();
    this.few = run.moments.reduce((sum, m) => sum + (m.happened || []).length, 0) <= MOST_MESSAGES;
    if (this.few) run.moments.forEach((_, k) => { this.messages.append(this.messagesAt(k)); });
    this.drawWrong();
    this.picture.addEventListener("click", (event) => {
      const box = this.picture.getBoundingClientRect();
      const k = Math.floor(((event.clientX - box.left) * (wide / box.width) - LEFT) / this.width);
      pick(Math.max(0, Math.min(run.moments.length - 1, k)));
    });
  }

  x(k) { return LEFT + (k + 0.4) * this.width; }
  end(k) { return LEFT + (k + 0.92) * this.width; }
  y(j) { return TOP + (j + 0.5) * LANE; }

  column(moment, k) {
    const run = this.run, rested = moment.read !== null, x = this.end(k);
    const says = moment.words ? `${moment.i}. ${moment.words}: ${moment.said ? moment.said.words : "no outcome"}` : "before any step";
    this.columns.append(svg("g", {},
      svg("rect", {class: "column", x: LEFT + k * this.width, y: 0, width: this.width, height: "100%"}, svg("title", {}, says)),
      svg("text", {class: "number", x: this.x(k), y: 12, "text-anchor": "middle"}, moment.i || "start"),
      svg("line", {class: rested ? "rest" : "rest none", x1: x, x2: x, y1: 18, y2: TOP + run.nodes.length * LANE})));
    const mine = new Map();
    for (const mark of moment.marks || []) {
      const where = OF_LINKS.has(mark[1]) || !run.nodes.includes(mark[0]) ? "" : mark[0];
      if (where === "" && mine.has("")) continue;
      mine.set(where, [...(mine.get(where) || []), mark]);
    }
    for (const [node, marks] of mine) {
      const few = marks.slice(0, 4), step = Math.min(GLYPH * 2 + 1, (this.width - 6) / few.length);
      few.forEach((mark, i) => this.glyph(mark, this.x(k) + (i - (few.length - 1) / 2) * step,
        node ? this.y(run.nodes.indexOf(node)) : TOP - 6, node));
      if (marks.length > few.length) this.marks.append(svg("text", {class: "more", x: this.x(k), y: this.y(run.nodes.indexOf(node)) - 12, "text-anchor": "middle"}, `${marks.length}×`));
    }
  }

  glyph([, op, answer], x, y, node) {
    if (!node) { this.marks.append(svg("text", {class: "links", x, y, "text-anchor": "middle"}, signOf(op))); return; }
    this.marks.append(svg("g", {class: `glyph ${answer}`},
      svg("circle", {cx: x, cy: y, r: GLYPH}),
      svg("text", {x, y: y + 4, "text-anchor": "middle"}, signOf(op))));
  }

  /** The spans in which `what(moment)` stays the same, as [first, last, what]. */
  spans(what) {
    const found = [];
    this.run.moments.forEach((moment, k) => {
      const now = what(moment), last = found[found.length - 1];
      if (last && last[2] === now) last[1] = k; else found.push([k, k, now]);
    });
    return found;
  }

  lane(node, j) {
    this.lanes.append(svg("text", {class: "inside", x: 2, y: this.y(j) - 12}, node));
    const y = this.y(j), from = (k) => LEFT + k * this.width + 2, to = (k) => LEFT + (k + 1) * this.width;
    for (const [a, b, state] of this.spans((m) => m.net.down.includes(node) ? "down" : m.net.still.includes(node) ? "still" : m.net.bare.includes(node) ? "bare" : "up")) {
      if (state === "down" || state === "still") {
        const says = state === "down" ? "down" : "stands still";
        this.lanes.append(svg("rect", {class: state, x: from(a), width: to(b) - from(a), y: y - 7, height: 14}, svg("title", {}, state === "down" ? `${node} is down` : `${node} ${says}`)),
          svg("text", {class: "state", x: from(a) + 4, y: y - 13}, says));
      } else this.lanes.append(svg("line", {class: `lane ${state}`, x1: from(a), x2: to(b), y1: y, y2: y}));
    }
    for (const [a, , generation] of this.spans((m) => m.net.running[j])) {
      if (this.run.roles.length > 1) this.lanes.append(svg("text", {class: "state", x: from(a), y: y + 20}, this.width < 40 ? `g${generation}` : `gen ${generation}`,
        svg("title", {}, `${node} runs generation ${generation} (${this.run.roles[generation - 1]})`)));
    }
    for (const [a, b, deaf] of this.spans((m) => m.net.cut.filter((link) => link[1] === node).map((link) => link[0]).join(" "))) {
      if (!deaf) continue;
      const says = `${node} does not hear ${deaf.split(" ").join(", ")}`;
      this.faults.append(svg("rect", {class: "cut", fill: `url(#${this.hatch})`, x: from(a), width: to(b) - from(a), y: y - LANE / 2 + 2, height: LANE - 4}, svg("title", {}, says)),
        svg("text", {class: "state", x: from(a) + 2, y: y - 12}, `✂ ${deaf.split(" ").length > 2 ? deaf.split(" ").length : deaf}`, svg("title", {}, says)));
    }
  }

  drawArrows() {
    const run = this.run, at = (i) => run.moments.findIndex((m) => m.i === i);
    for (const one of run.arrows) {
      const a = at(one.at), b = at(one.rest), from = run.nodes.indexOf(one.from), to = run.nodes.indexOf(one.to);
      if (a < 0 || b < 0 || from < 0 || to < 0) continue;
      const names = one.rows.slice(0, 5).map((r) => run.rowName(r)).join(", ") + (one.count > 5 ? ` and ${one.count - 5} more` : "");
      const arrow = svg("g", {class: b - a > 2 ? "arrow late" : "arrow"},
        svg("line", {x1: one.wrote ? this.x(a) : this.end(a), y1: this.y(from), x2: this.end(b), y2: this.y(to)}),
        svg("circle", {cx: this.end(b), cy: this.y(to), r: 2.5}),
        svg("title", {}, `${names}: ${one.wrote ? `written by ${one.from} in step ${one.at}` : `known to ${one.from} since the rest after step ${one.at}`}, known to ${one.to} by the rest after step ${one.rest}`));
      this.arrows.append(arrow);
      this.byStep[a].push(arrow);
      if (b !== a) this.byStep[b].push(arrow);
    }
  }

  /** The messages of moment k that brought a row: from when it was sent to when it came. */
  messagesAt(k) {
    const run = this.run, there = run.moments[k].happened || [], wide = this.end(k) - this.x(k);
    const x = (i) => this.x(k) + wide * Math.max(0, i) / Math.max(1, there.length - 1);
    return svg("g", {class: "message"}, there.map(([words, from, to, carried, sent], i) => carried !== "row" ? null : svg("g", {},
      svg("line", {x1: x(sent), y1: this.y(from), x2: x(i), y2: this.y(to)}),
      svg("circle", {cx: x(i), cy: this.y(to), r: 2.5}), svg("title", {}, words))));
  }

  drawWrong() {
    const run = this.run, k = run.moments.length - 1;
    if (!run.wrong.length) return;
    const x = run.by_answer ? this.x(k) : this.end(k);
    const lanes = new Set(run.wrong.map((one) => run.nodes.indexOf(one.node)));
    if (lanes.has(-1)) run.nodes.forEach((_, j) => lanes.add(j));
    this.wrong.append(svg("line", {x1: x, x2: x, y1: 18, y2: TOP + run.nodes.length * LANE}));
    for (const j of lanes) if (j >= 0) this.wrong.append(svg("g", {},
      svg("circle", {cx: x, cy: this.y(j), r: GLYPH + 3}),
      svg("text", {x, y: this.y(j) + 5, "text-anchor": "middle"}, "✖"),
      svg("title", {}, run.wrong.filter((one) => one.node === run.nodes[j] || !run.nodes.includes(one.node)).map((one) => `${one.kind}: ${one.where}`).join("; "))));
  }

  /** Marks moment k, and scrolls it into sight. */
  pick(k, before) {
    this.picked.setAttribute("x", LEFT + k * this.width);
    for (const arrow of this.byStep[before] || []) arrow.classList.remove("on");
    for (const arrow of this.byStep[k]) arrow.classList.add("on");
    if (!this.few) this.messages.replaceChildren(this.messagesAt(k));
    const messages = this.few ? this.messages.children : [];
    if (messages.length) { messages[before].classList.remove("on"); messages[k].classList.add("on"); }
    const x = 64 + LEFT + k * this.width, box = this.scroller, wide = box.clientWidth;
    if (x < box.scrollLeft + 90 || x + this.width > box.scrollLeft + wide) box.scrollLeft = x - wide / 2;
  }
}
/** The signs of the kinds of steps that are here, and what else the picture has. */
const legend = (ops) => [
  el("p", {class: "legend"}, ops.map((op) => el("span", {}, el("b", {}, signOf(op)), " " + (MEANING[op] || op.replaceAll("_", " "))))),
  el("p", {class: "legend"}, [["ok", "accepted"], ["refused", "refused"], ["unknown", "no answer"]].map(([name, says]) =>
    el("span", {}, svg("svg", {width: 22, height: 22, viewBox: "0 0 22 22"}, svg("g", {class: `glyph ${name}`}, svg("circle", {cx: 11, cy: 11, r: GLYPH}))), " " + says))),
  el("p", {class: "legend"}, "Hatched: links cut (✂ who is not heard). A thick bar: down. A hollow bar: stands still. Dotted: without the plugin. ✖: a wrong sight. Thin lines: what a write made known, and where it was known by the next rest; in a simulated run also the messages that brought rows, steeper."),
];
