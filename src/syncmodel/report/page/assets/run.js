"use strict";
// One run: its picture, its steps, and what each step did to every node.

const MOST_ROWS = 60;

class Run {
  constructor(document, name) {
    Object.assign(this, document);
    this.name = name;
    this.selected = 0;
    this.row = this.wrong.length && this.wrong[0].row !== null ? this.wrong[0].row : null;
    this.whole = false;
    this.messagesOpen = false;
    this.states = this.everyState();
    this.texts = this.moments.map((moment) => this.textOf(moment));
    this.diagram = new Diagram(this, (k) => this.pick(k));
    this.items = this.moments.map((moment, k) => this.item(moment, k));
    this.list = el("ol", {class: "steps", "aria-label": "steps"}, this.items);
    this.detail = el("section", {class: "detail", "aria-live": "polite"});
    this.box = el("section", {class: "run", "aria-label": name, on: {focusin: () => { active = this; }, pointerdown: () => { active = this; }}},
      el("h2", {}, `${name}: ${plural(this.moments.length - 1, "step")} on ${plural(this.nodes.length, "node")}`),
      this.diagram.scroller, el("div", {class: "below"}, this.list, this.detail));
    this.pick(this.moments.length - 1);
  }

  rowName(number) { const [table, name] = this.rows[number]; return `${table}/${scalar(name)}`; }

  /** For each moment: the number of the cell of every node and row, or -1. */
  everyState() {
    let now = new Int32Array(this.nodes.length * this.rows.length).fill(-1);
    return this.moments.map((moment) => {
      if (moment.cells.length) {
        now = now.slice();
        for (const [node, row, cell] of moment.cells) now[node * this.rows.length + row] = cell;
      }
      return now;
    });
  }

  /** [what shows or null, what is known of each register]. */
  cell(k, node, row) {
    const number = k < 0 ? -1 : this.states[k][node * this.rows.length + row];
    return number < 0 ? [null, []] : this.cells[number];
  }

  /** What the node showed at the last rest before or at k at which it was read. */
  sight(k, node, row) {
    for (let i = k; i >= 0; i--) {
      const [shown] = this.cell(i, node, row);
      if (shown !== null) return shown;
      if (this.moments[i].net.down.includes(this.nodes[node]) || this.moments[i].net.bare.includes(this.nodes[node])) return [];
    }
    return [];
  }

  textOf(moment) {
    const parts = (moment.parts || []).map((part) => `${part.words} ${part.said ? part.said.words : ""}`);
    const touched = moment.cells.map(([node, row, cell]) => `${this.rowName(row)} ${(this.cells[cell][0] || []).map(inWords).join(" ")}`);
    return [moment.words, moment.asked, moment.said && moment.said.words, ...parts, ...new Set(touched)].join(" ").toLowerCase();
  }

  item(moment, k) {
    const wrong = k === this.moments.length - 1 && this.wrong.length;
    const says = (said) => el("span", {class: `answer ${said ? said.answer : "none"}`}, said ? cut(said.words, 60) : "no outcome");
    return el("li", {class: wrong ? "bad" : null},
      el("button", {type: "button", class: "step", on: {click: () => this.pick(k)}},
        el("b", {}, moment.i || "0"), " ", moment.words ? cut(moment.words, 120) : "before any step"),
      moment.words ? says(moment.said) : null,
      (moment.parts || []).map((part) => el("div", {class: `part deep${Math.min(part.depth, 2)}`}, "– ", cut(part.words, 90), " ", says(part.said))),
      wrong ? el("div", {class: "mark"}, "✖ ", this.wrong[0].kind) : null);
  }

  pick(k) {
    const before = this.selected;
    this.selected = Math.max(0, Math.min(this.moments.length - 1, k));
    this.items[before].classList.remove("on");
    this.items[before].firstChild.removeAttribute("aria-current");
    const item = this.items[this.selected];
    item.classList.add("on");
    item.firstChild.setAttribute("aria-current", "step");
    this.bringIntoSight(item);
    this.diagram.pick(this.selected, before);
    this.show();
  }

  /** Scrolls the list to the item. What was out of sight has no height of its own before it is seen, so look again. */
  bringIntoSight(item, times = 4) {
    if (!times || item !== this.items[this.selected]) return;
    const list = this.list, top = item.offsetTop;
    if (top < list.scrollTop || top + item.offsetHeight > list.scrollTop + list.clientHeight) list.scrollTop = top - list.clientHeight / 3;
    requestAnimationFrame(() => this.bringIntoSight(item, times - 1));
  }

  show() {
    const k = this.selected, moment = this.moments[k], last = k === this.moments.length - 1;
    const heading = moment.words ? `Step ${moment.i}: ${moment.words}` : "Before any step";
    this.detail.replaceChildren(...[
      el("h3", {}, cut(heading, 160)),
      last && this.wrong.length ? this.wrongBox() : null,
      moment.words ? el("dl", {class: "asked"},
        el("dt", {}, "asked"), el("dd", {}, el("code", {}, cut(moment.asked, 300))),
        el("dt", {}, "answered"), el("dd", {}, moment.said ? this.said(moment.said) : "there was no outcome"),
        (moment.parts || []).map((part) => [el("dt", {}, cut(part.words, 60)), el("dd", {}, part.said ? this.said(part.said) : "no outcome")]),
        el("dt", {}, "took"), el("dd", {}, this.took(moment))) : el("p", {}, this.took(moment)),
      this.network(moment),
      messagesOf(this, k),
      ...this.tables.map((table, i) => this.table(table, k)),
      this.row === null ? el("p", {class: "hint"}, "Choose a row to see its versions.") : versionsOf(this, this.row, k),
    ].filter(Boolean));
  }

  said(said) {
    if (/^\d/.test(said.words)) return [el("span", {class: `answer ${said.answer}`}, said.words)];
    return [el("span", {class: `answer ${said.answer}`}, said.answer === "ok" ? (said.shown ? "read" : "accepted") : said.answer === "refused" ? "refused" : "no answer"), " ",
      said.code ? cut(said.code) : null,
      said.row ? value(Object.entries(said.row)) : null,
      said.shown ? said.shown.map(([row, cells]) => el("div", {}, cut(row), ": ", value(cells))) : null,
      !said.code && !said.row && !said.shown && said.words !== "accepted" ? cut(said.words, 120) : null];
  }

  took(moment) {
    const ms = (seconds) => `${(seconds * 1000).toLocaleString("en", {maximumFractionDigits: 1})} ms`;
    const step = moment.words ? ms(moment.seconds) : null;
    const rest = moment.rest ? `at rest after ${ms(moment.rest.seconds)} (${moment.rest.how})` : moment.read ? "read at rest" : "not compared at a rest";
    return [step, rest].filter(Boolean).join("; ");
  }

  network(moment) {
    const net = moment.net, told = [];
    if (net.cut.length) told.push(`cut: ${net.cut.map(([a, b]) => `${a} → ${b}`).join(", ")}`);
    if (net.down.length) told.push(`down: ${net.down.join(", ")}`);
    if (net.still.length) told.push(`stands still: ${net.still.join(", ")}`);
    if (net.disabled.length) told.push(`plugin disabled: ${net.disabled.join(", ")}`);
    if (net.away.length) told.push(`no members: ${net.away.map(([told, node]) => told === node ? `${node} by itself` : `${node} to ${told}`).join(", ")}`);
    if (net.distrusts.length) told.push(`not trusted: ${net.distrusts.map(([node, author]) => `${author} by ${node}`).join(", ")}`);
    if (net.bare.length) told.push(`without the plugin: ${net.bare.join(", ")}`);
    return told.length ? el("p", {class: "net"}, cut(told.join("; "), 240)) : null;
  }

  wrongBox() {
    return el("div", {class: "box"}, this.wrong.map((one) => el("dl", {},
      el("dt", {}, "✖ ", one.kind), el("dd", {}, one.where ? [cut(one.where, 90), " on "] : null, one.node),
      el("dt", {}, "expected"), el("dd", {}, cut(one.expected, 200)),
      el("dt", {}, "showed"), el("dd", {}, cut(one.shown, 200)),
      one.answers.length ? [el("dt", {}, "answers"), el("dd", {}, one.answers.map((text) => el("div", {}, cut(text, 200))))] : null)));
  }

  // --- tables ---------------------------------------------------------------------------------

  rowsOf(table, k) {
    const there = this.rows.map((_, r) => r).filter((r) => this.rows[r][0] === table
      && this.nodes.some((_, j) => this.states[k][j * this.rows.length + r] >= 0));
    if (this.whole || there.length <= MOST_ROWS) return [there, 0];
    const telling = there.filter((r) => r === this.row || this.changed(k, r) || this.wrong.some((one) => one.row === r));
    return [telling.slice(0, MOST_ROWS), there.length - Math.min(telling.length, MOST_ROWS)];
  }

  changed(k, row) {
    return k > 0 && this.nodes.some((_, j) => this.states[k][j * this.rows.length + row] !== this.states[k - 1][j * this.rows.length + row]);
  }

  table(table, k) {
    const [rows, hidden] = this.rowsOf(table, k);
    if (!rows.length && !hidden) return el("p", {class: "hint"}, `${table}: no row was written yet`);
    return el("div", {class: "wide"}, el("table", {class: "rows"},
      el("caption", {}, table),
      el("thead", {}, el("tr", {}, el("th", {scope: "col"}, "row"), this.nodes.map((node) => el("th", {scope: "col"}, node)))),
      el("tbody", {}, rows.map((row) => el("tr", {class: row === this.row ? "chosen" : null},
        el("th", {scope: "row"}, el("button", {type: "button", class: "row", on: {click: () => { this.row = row; this.show(); }}}, cut(scalar(this.rows[row][1]), 24))),
        this.nodes.map((_, j) => this.square(k, j, row)))))),
      hidden ? el("button", {type: "button", on: {click: () => { this.whole = true; this.show(); }}}, `and ${plural(hidden, "row")} that did not change`) : null);
  }

  square(k, j, row) {
    const node = this.nodes[j], net = this.moments[k].net, [shown, knows] = this.cell(k, j, row);
    const off = net.down.includes(node) ? "down" : net.still.includes(node) ? "stands still" : net.bare.includes(node) ? "no plugin" : "";
    const now = shown === null ? this.sight(k, j, row) : shown, before = k > 0 ? this.sight(k - 1, j, row) : [];
    const differs = !off && JSON.stringify(now) !== JSON.stringify(before);
    const wrong = k === this.moments.length - 1 && this.wrong.find((one) => one.row === row && (one.node === node || one.node === "the cluster"));
    const say = (values) => values.length ? values.map((one, i) => [i ? el("br") : null, value(one)]) : el("span", {class: "nothing"}, "nothing");
    return el("td", {class: [wrong ? "bad" : "", differs ? "differs" : "", shown === null && !off && !wrong ? "unread" : ""].join(" ").trim() || null},
      off ? el("span", {class: "nothing"}, off) : [
        wrong && this.by_answer ? [el("ins", {}, "answered: ", cut(wrong.shown, 60)), el("div", {class: "mark"}, "✖ it must be: ", cut(wrong.expected, 60)),
          el("div", {class: "hint"}, "at the last rest: ", say(now))] : null,
        wrong && this.by_answer ? null : differs ? [el("del", {}, say(before)), el("ins", {}, say(now))] : say(now),
        wrong && !this.by_answer ? el("div", {class: "mark"}, "✖ expected: ", cut(wrong.expected, 60)) : null],
      el("div", {class: "knows"}, knows.filter((one) => one[1].length || one[2].length).map(([column, must, may]) => {
        const only = may.filter((number) => !must.includes(number)), newest = this.newest(k, row, column, must);
        const older = must.length - newest.length;
        return el("div", {title: `must know ${must.map(v).join(" ") || "none"}; may know ${may.map(v).join(" ") || "none"}`},
          column ? `${column}: ` : null, must.length ? `must ${newest.map(v).join(" ")}${older ? ` and ${older} older` : ""}` : null,
          must.length && only.length ? ", " : null, only.length ? `may ${only.map(v).join(" ")}` : null);
      })));
  }

  /** Those of the versions that lose to no other one of them, as far as was known at moment k. */
  newest(k, row, column, versions) {
    const register = this.versions.find((one) => one.row === row && one.column === column);
    return versions.filter((number) => !register.edges.some((edge) => edge.from === number && edge.step <= this.moments[k].i
      && edge.to.every((to) => versions.includes(to))));
  }

  // --- search ---------------------------------------------------------------------------------

  /** Marks the steps that have the text; gives how many. */
  search(text) {
    this.matches = [];
    this.items.forEach((item, k) => {
      const fits = !text || this.texts[k].includes(text);
      item.classList.toggle("away", !fits);
      if (fits && text) this.matches.push(k);
    });
    return this.matches.length;
  }

  next() {
    if (this.matches && this.matches.length) this.pick(this.matches.find((k) => k > this.selected) ?? this.matches[0]);
  }
}

// --- the page -----------------------------------------------------------------------------------

let active = null;

const openPage = () => {
  const page = data(), runs = page.runs.map((one) => ({name: one.name, document: one}));
  const first = page.runs[0];
  byId("kind").append(first.wrong.length ? `✖ ${first.wrong[0].kind}` : first.verdict === "pass" ? "passed" : first.verdict);
  byId("kind").className = first.wrong.length ? "bad" : first.verdict;
  byId("headline").append(cut(first.headline, 400));
  byId("title").append(cut(page.title, 200));
  byId("why").append(...first.why.map((reason) => el("li", {}, cut(reason, 400))));
  byId("facts").append(...page.facts.flatMap(([name, said, ...links]) => [el("dt", {}, name),
    el("dd", {}, links.length ? [said, ...links].flatMap((_, i, all) => i % 2 ? [] : [i ? ", " : null, el("a", {href: all[i + 1]}, all[i])]) : name === "see it again" ? el("code", {}, said) : cut(said, 200))]));
  const marks = page.runs.flatMap((one) => one.moments).flatMap((moment) => moment.marks || []);
  byId("legend").append(...legend([...new Set(marks.map((mark) => mark[1]))].sort()));
  const made = [new Run(runs[0].document, runs[0].name)];
  const open = () => { for (const run of made) if (!run.box.isConnected) byId("runs").append(run.box); };
  open();
  active = made[0];
  made[0].pick(made[0].moments.length - 1);
  const beside = byId("beside");
  beside.hidden = runs.length < 2;
  const toggle = () => {
    if (runs.length < 2) return;
    if (made.length < 2) made.push(new Run(runs[1].document, runs[1].name));
    const shown = byId("runs").classList.toggle("two");
    beside.setAttribute("aria-pressed", shown);
    open();
    made[1].box.hidden = !shown;
    active = shown ? made[1] : made[0];
    active.pick(active.selected);
  };
  const toWrong = () => { active.pick(active.moments.length - 1); active.detail.scrollIntoView({block: "nearest"}); };
  const search = byId("search"), help = byId("help");
  const look = () => {
    const text = search.value.trim().toLowerCase();
    const counts = made.map((run) => run.search(text));
    byId("found").value = text ? `${plural(counts.reduce((a, b) => a + b), "match").replace("matchs", "matches")}` : "";
  };
  beside.addEventListener("click", toggle);
  byId("to-wrong").hidden = !first.wrong.length;
  byId("to-wrong").addEventListener("click", toWrong);
  byId("to-help").addEventListener("click", () => help.showModal());
  search.addEventListener("input", look);
  const keys = {
    ArrowLeft: () => active.pick(active.selected - 1), ArrowRight: () => active.pick(active.selected + 1),
    Home: () => active.pick(0), End: () => active.pick(active.moments.length - 1),
    w: toWrong, o: toggle, "/": () => search.focus(), "?": () => help.showModal(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target === search) {
      if (event.key === "Enter") { event.preventDefault(); active.next(); }
      if (event.key === "Escape") { search.value = ""; look(); search.blur(); }
      return;
    }
    const act = keys[event.key];
    if (act) { event.preventDefault(); act(); }
  });
};
openPage();
