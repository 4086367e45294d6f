"use strict";
// The versions of one row: a graph of who wrote which, and what loses to what.

const v = (number) => `v${number + 1}`;
const DID = {create: "create", set: "change", add: "increment", delete: "delete", along: "deleted along with another row"};

const because = (edge) => edge.how === "written"
  ? `loses to ${edge.to.map(v).join(" or ")}, written in step ${edge.step} by a node that knew it`
  : `loses to ${edge.to.map(v).join(" or ")}: at the rest after step ${edge.step} ${edge.by.length ? edge.by.join(" and ") + " showed that" : "that is what showed"}`;

/** Everything about the registers of row number `row`, as it is at moment `k`. */
const versionsOf = (run, row, k) => el("section", {class: "versions"},
  el("h4", {}, "Versions of ", el("bdi", {}, run.rowName(row))),
  run.versions.filter((one) => one.row === row).map((one) => registerOf(run, one, row, k)),
  run.versions.some((one) => one.row === row) ? null : el("p", {}, "Nobody wrote this row."));

const registerOf = (run, register, row, k) => {
  const knows = run.nodes.map((_, j) => (run.cell(k, j, row)[1] || []).find((one) => one[0] === register.column) || ["", [], [], []]);
  const who = (number, place) => run.nodes.filter((_, j) => knows[j][place].includes(number)).join(" ") || "nobody";
  const there = register.versions.map((one, number) => number).filter((number) => register.versions[number].step <= run.moments[k].i);
  return el("div", {},
    register.column ? el("h5", {}, `Column ${register.column}`) : null,
    graph(run, register),
    el("div", {class: "wide"}, el("table", {},
      el("thead", {}, el("tr", {}, ["", "step", "by", "what", "stored", "must know it", "may know it", "loses to"].map((name) => el("th", {scope: "col"}, name)))),
      el("tbody", {}, there.map((number) => {
        const one = register.versions[number];
        return el("tr", {},
          el("th", {scope: "row"}, v(number)), el("td", {}, one.step), el("td", {}, one.node),
          el("td", {}, (DID[one.op] || one.op) + (one.sure ? "" : ", no answer")), el("td", {}, value(one.value)),
          el("td", {}, who(number, 1)), el("td", {}, who(number, 2)),
          el("td", {}, register.edges.filter((edge) => edge.from === number && edge.step <= run.moments[k].i).map((edge) => el("div", {}, because(edge)))));
      })))));
};

const graph = (run, register) => {
  const authors = run.nodes.filter((node) => register.versions.some((one) => one.node === node));
  const many = register.versions.length, wide = 70 + many * 64, high = 20 + authors.length * 44;
  if (many < 2 || many > 60) return null;
  const tip = `tip${++drawn}`;
  const at = (number) => [70 + number * 64, 24 + authors.indexOf(register.versions[number].node) * 44];
  const curve = (from, to) => {
    const [a, b] = at(from), [c, d] = at(to), bend = b === d && Math.abs(to - from) > 1 ? 26 : 0;
    const right = c > a ? 1 : -1;
    return `M${a + 13 * right},${b} Q${(a + c) / 2},${(b + d) / 2 - bend} ${c - 14 * right},${d}`;
  };
  return el("div", {class: "wide"}, svg("svg", {width: wide, height: high, viewBox: `0 0 ${wide} ${high}`, role: "img", "aria-label": "which version loses to which; the table says the same"},
    svg("defs", {}, svg("marker", {id: tip, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto"}, svg("path", {d: "M0,0 L8,4 L0,8 z", class: "tip"}))),
    authors.map((node, j) => svg("text", {class: "author", x: 4, y: 28 + j * 44}, node)),
    register.edges.flatMap((edge) => edge.to.map((to) => svg("path", {class: `edge ${edge.how}`, d: curve(edge.from, to), "marker-end": `url(#${tip})`}, svg("title", {}, `${v(edge.from)} ${because(edge)}`)))),
    register.versions.map((one, number) => svg("g", {class: one.op === "delete" ? "version gone" : "version"},
      svg("circle", {cx: at(number)[0], cy: at(number)[1], r: 12}),
      svg("text", {x: at(number)[0], y: at(number)[1] + 4, "text-anchor": "middle"}, v(number)),
      svg("title", {}, `${v(number)}: ${DID[one.op] || one.op} by ${one.node} in step ${one.step}: ${inWords(one.value)}`)))));
};
