"use strict";
// What happened in one step and at the rest after it, message by message, where the target could say so.

const LANE_OF_ONE = 30, EACH = 20;
const CARRIED = {connection: "connects", question: "asks for a log", row: "brings a row", nothing: "brings nothing"};
let pictures = 0;

/** The picture of the happenings of moment k, and each in words; null where nobody noted them. */
const messagesOf = (run, k) => {
  const there = run.moments[k].happened;
  if (!there || !there.length) return null;
  const count = there.filter(([, from]) => from >= 0).length;
  if (!count) return null;
  return el("details", {class: "messages", open: run.messagesOpen, on: {toggle: (event) => { run.messagesOpen = event.target.open; }}},
    el("summary", {}, `Message by message: ${plural(count, "message")} in this step and until the rest after it`),
    el("div", {class: "wide"}, pictureOf(run, there)),
    el("p", {class: "legend"}, Object.entries(CARRIED).map(([name, says]) => el("span", {},
      svg("svg", {width: 30, height: 8}, svg("line", {class: `flight ${name}`, x1: 0, x2: 30, y1: 4, y2: 4})), says))),
    el("ol", {class: "happened"}, there.map(([words, from]) => el("li", {class: from < 0 ? "act" : null}, cut(words, 140)))));
};

const pictureOf = (run, there) => {
  const left = 52, top = 22, tip = `tip${++pictures}`, x = (i) => left + (Math.max(-0.8, i) + 0.8) * EACH, y = (j) => top + (j + 0.5) * LANE_OF_ONE;
  const wide = x(there.length) + 10, high = top + run.nodes.length * LANE_OF_ONE;
  return svg("svg", {viewBox: `0 0 ${wide} ${high}`, width: wide, height: high, role: "img", "aria-label": "the messages of this step; they are listed below"},
    svg("defs", {}, svg("marker", {id: tip, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, markerUnits: "userSpaceOnUse", orient: "auto"}, svg("path", {class: "flight-tip", d: "M0 0 8 4 0 8z"}))),
    run.nodes.map((node, j) => [svg("text", {x: 2, y: y(j) + 4}, node), svg("line", {class: "lane", x1: left - 8, x2: wide, y1: y(j), y2: y(j)})]),
    there.map(([words, from, to, carried, sent], i) => from < 0
      ? svg("g", {}, svg("line", {class: "rest", x1: x(i), x2: x(i), y1: top, y2: high}), svg("text", {class: "number", x: x(i), y: 12, "text-anchor": "middle"}, i + 1), svg("title", {}, words))
      : svg("g", {class: "flies"}, svg("line", {class: `flight ${carried}`, x1: x(sent), y1: y(from), x2: x(i), y2: y(to), "marker-end": `url(#${tip})`}),
        svg("text", {class: "number", x: x(i), y: 12, "text-anchor": "middle"}, i + 1), svg("title", {}, `${i + 1}. ${words}`))));
};
