"use strict";
// Many runs at a glance: how they fail, what was covered, and how that grew.

const shortestFirst = (a, b) => (a.length ?? 1e9) - (b.length ?? 1e9) || a.name.localeCompare(b.name);

const openIndex = () => {
  const page = data(), diverged = page.runs.filter((one) => one.verdict === "diverged");
  const nothing = page.runs.filter((one) => one.verdict === "unknown" || one.verdict === "invalid");
  byId("kind").className = diverged.length ? "bad" : nothing.length ? "unknown" : "pass";
  byId("kind").append([diverged.length ? `✖ ${diverged.length} diverged` : "", nothing.length ? `${nothing.length} say nothing` : "",
    `${page.runs.length - diverged.length - nothing.length} passed`].filter(Boolean).join(", "));
  byId("headline").append(cut(page.title, 200));
  byId("facts").append(...page.facts.flatMap(([name, said]) => [el("dt", {}, name), el("dd", {}, cut(said, 200))]));
  const items = groups(page.runs);
  course(page.course);
  coverage(page.coverage);
  const search = byId("search");
  const look = () => {
    const text = search.value.trim().toLowerCase();
    let count = 0;
    for (const [item, words] of items) {
      const fits = !text || words.includes(text);
      item.classList.toggle("away", !fits);
      count += fits;
    }
    byId("found").value = text ? `${plural(count, "run")}` : "";
  };
  search.addEventListener("input", look);
  document.addEventListener("keydown", (event) => {
    if (event.target === search) { if (event.key === "Escape") { search.value = ""; look(); search.blur(); } return; }
    if (event.key === "/" && !event.ctrlKey && !event.metaKey) { event.preventDefault(); search.focus(); }
  });
};

/** The runs, grouped by divergence and shortest first; gives each item with its words. */
const groups = (runs) => {
  const by = new Map(), items = [];
  for (const one of runs) {
    const name = one.verdict === "diverged" ? `${one.kind[0]}${one.kind[1] ? ` in ${one.kind[1]}` : ""}` : { pass: "passed", unknown: "says nothing", invalid: "says nothing" }[one.verdict];
    by.set(name, [...(by.get(name) || []), one]);
  }
  const ordered = [...by].sort(([a, x], [b, y]) => (y[0].verdict === "diverged") - (x[0].verdict === "diverged") || y.length - x.length || a.localeCompare(b));
  for (const [name, members] of ordered) {
    const failing = members[0].verdict === "diverged";
    const list = members.sort(shortestFirst).map((one) => {
      const item = el("li", {class: failing ? "bad" : null},
        el("div", {}, one.page ? el("a", {href: one.page}, cut(one.headline, 300)) : cut(one.headline, 300)),
        el("div", {class: "hint"}, one.length === undefined ? null : `${plural(one.length, "step")} on ${plural(one.nodes, "node")}; `,
          one.bug ? `planted: ${one.bug}; ` : null, one.sure ? `${one.sure}; ` : null,
          one.file ? el("a", {href: one.file}, cut(one.name, 90)) : cut(one.name, 90),
          one.then ? ["; ", el("a", {href: one.then}, "as it was found")] : null),
        one.judged && !one.judged.startsWith("as expected") ? el("div", {class: "mark"}, cut(one.judged, 200)) : null,
        one.steps && failing ? el("details", {}, el("summary", {}, "steps"), el("ol", {}, one.steps.map((step) => el("li", {}, cut(step, 120))))) : null);
      items.push([item, [one.name, one.headline, one.title, one.bug, ...(one.steps || [])].join(" ").toLowerCase()]);
      return item;
    });
    byId("groups").append(el("details", {open: failing || ordered.length === 1 || name === "says nothing"},
      el("summary", {}, el("b", {class: failing ? "bad" : null}, failing ? "✖ " : "", name), ` ${plural(members.length, "run")}`),
      el("ul", {class: "runs"}, list)));
  }
  return items;
};

// --- plots ---------------------------------------------------------------------------------------

const course = (points) => {
  if (points.length < 2) return;
  const minutes = points.map((one) => one[0] / 60);
  const rate = points.map((one, i) => {
    let from = i;
    while (from > 0 && points[i][0] - points[from][0] < points[points.length - 1][0] / 12) from--;
    const past = points[i][0] - points[from][0];
    return past > 0 ? 60 * (one[1] - points[from][1]) / past : null;
  });
  byId("course").append(el("h2", {}, "How it went"), el("div", {class: "plots"},
    plot("Sequences per minute", minutes, [["sequences per minute", rate]]),
    plot("Discovery: what came up for the first time", minutes, [["pairs of kinds", points.map((one) => one[3])],
      ["kinds in situations", points.map((one) => one[4])], ["abstract states", points.map((one) => one[5])]])));
};

const plot = (title, xs, lines) => {
  const wide = 520, high = 200, left = 56, low = 30, top = 12, most = Math.max(...xs) || 1;
  const highest = Math.max(1, ...lines.flatMap(([, ys]) => ys.filter((y) => y !== null)));
  const x = (value) => left + (value / most) * (wide - left - 12), y = (value) => high - low - (value / highest) * (high - low - top);
  const dashes = ["", "6 3", "2 3"];
  return el("figure", {}, el("figcaption", {}, title),
    svg("svg", {viewBox: `0 0 ${wide} ${high}`, width: wide, height: high, role: "img", "aria-label": title},
      [0, highest].map((tick) => [svg("line", {class: "rest", x1: left, x2: wide - 12, y1: y(tick), y2: y(tick)}),
        svg("text", {x: left - 6, y: y(tick) + 4, "text-anchor": "end"}, Math.round(tick).toLocaleString("en"))]),
      svg("text", {x: left, y: high - 8}, "0"), svg("text", {x: wide - 12, y: high - 8, "text-anchor": "end"},
        most >= 2 ? `${most.toFixed(1)} min` : `${(most * 60).toFixed(1)} s`),
      lines.map(([name, ys], i) => svg("polyline", {class: `plot plot${i}`, "stroke-dasharray": dashes[i],
        points: ys.map((value, k) => value === null ? null : `${x(xs[k]).toFixed(1)},${y(value).toFixed(1)}`).filter(Boolean).join(" ")}, svg("title", {}, name)))),
    lines.length > 1 ? el("p", {class: "legend"}, lines.map(([name, ys], i) => el("span", {},
      svg("svg", {width: 30, height: 8}, svg("line", {class: `plot plot${i}`, "stroke-dasharray": dashes[i], x1: 0, x2: 30, y1: 4, y2: 4})), `${name}: ${ys[ys.length - 1].toLocaleString("en")}`))) : null);
};

// --- coverage ------------------------------------------------------------------------------------

const coverage = (all) => {
  if (!all.steps) return;
  const most = Math.max(1, ...all.ops.map((one) => one[1])), pairs = Math.max(1, ...all.pairs.flat());
  const bar = (count, of) => svg("svg", {width: 160, height: 12, viewBox: "0 0 160 12"}, svg("rect", {class: "bar", width: Math.max(1, 160 * count / of), height: 12}));
  const never = all.pairs.flatMap((row, i) => row.flatMap((count, j) => count ? [] : [`${all.ops[i][0]} then ${all.ops[j][0]}`]));
  adopt(byId("coverage"), {}, [
    el("h2", {}, "What was covered"),
    el("p", {}, `${plural(all.sequences, "sequence")}, ${plural(all.steps, "step")}, ${plural(all.rests, "comparison")}.`),
    all.never.length ? el("p", {class: "mark"}, "Never came up in this search, so untested: ", all.never.join(", "), ".") : null,
    el("div", {class: "plots"},
      el("table", {}, el("caption", {}, "Kinds of steps"), el("tbody", {}, all.ops.map(([op, count]) => el("tr", {}, el("th", {scope: "row"}, op), el("td", {}, count.toLocaleString("en")), el("td", {}, bar(count, most)))))),
      el("table", {}, el("caption", {}, "Where the plan stood"), el("tbody", {}, all.situations.map(([name, count]) => el("tr", {}, el("th", {scope: "row"}, name), el("td", {class: count ? null : "mark"}, count ? count.toLocaleString("en") : "never"))))),
      el("table", {}, el("caption", {}, "Seen"), el("tbody", {}, all.seen.map(([name, count]) => el("tr", {}, el("th", {scope: "row"}, name), el("td", {class: count ? null : "hint"}, count.toLocaleString("en")))))),
      all.themes.length ? el("table", {}, el("caption", {}, "Themes of sequences"), el("tbody", {}, all.themes.map(([name, count]) => el("tr", {}, el("th", {scope: "row"}, name), el("td", {}, count.toLocaleString("en")))))) : null),
    el("div", {class: "wide"}, el("table", {class: "pairs"}, el("caption", {}, "Pairs of kinds: the row's, then the column's"),
      el("thead", {}, el("tr", {}, el("td", {}), all.ops.map(([op]) => el("th", {scope: "col"}, op)))),
      el("tbody", {}, all.pairs.map((row, i) => el("tr", {}, el("th", {scope: "row"}, all.ops[i][0]),
        row.map((count) => { const cell = el("td", {class: count ? null : "mark"}, count ? count.toLocaleString("en") : "–"); cell.style.setProperty("--share", count ? 0.08 + 0.5 * Math.sqrt(count / pairs) : 0); return cell; })))))),
    el("p", {class: "hint"}, "Pairs that never came: ", cut(never.join(", ") || "none", 400))]);
};
openIndex();
