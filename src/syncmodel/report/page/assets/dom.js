"use strict";
// Making elements. Whatever comes from nodes or files is text: it goes through textContent alone.

const SVG = "http://www.w3.org/2000/svg";
const SHOWN = 48;

/** The text with what can't be seen, or changes the direction of writing, escaped as in JSON. */
const visible = (text) => String(text).replace(/[\p{C}\p{Zl}\p{Zp}]/gu,
  (c) => c === "\n" ? c : [...Array(c.length).keys()].map((i) => "\\u" + c.charCodeAt(i).toString(16).padStart(4, "0")).join(""));

const adopt = (made, props, children) => {
  for (const [name, value] of Object.entries(props || {})) {
    if (name === "on") for (const [event, act] of Object.entries(value)) made.addEventListener(event, act);
    else if (value !== undefined && value !== null && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    made.append(child instanceof Node ? child : document.createTextNode(visible(child)));
  }
  return made;
};
const el = (name, props, ...children) => adopt(document.createElement(name), props, children);
const svg = (name, props, ...children) => adopt(document.createElementNS(SVG, name), props, children);
const byId = (id) => document.getElementById(id);
const data = () => JSON.parse(byId("data").textContent);
const plural = (count, what) => `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;

/** A text, cut where it is long; the whole of it on demand. */
const cut = (text, most = SHOWN) => {
  const whole = visible(text), letters = whole.length > most ? [...whole] : null;
  if (!letters || letters.length <= most) return el("bdi", {}, whole);
  const show = (event) => { event.stopPropagation(); showWhole(whole); };
  return el("span", {}, el("bdi", {}, letters.slice(0, most).join("") + "…"),
    el("button", {type: "button", class: "whole", on: {click: show}}, `all ${letters.length.toLocaleString("en")}`));
};
const showWhole = (text) => {
  byId("whole").querySelector("pre").textContent = text;
  byId("whole").showModal();
};

/** One cell of a row: as it is if it is a plain word, else as JSON has it. */
const scalar = (value) => value === null ? "nothing"
  : typeof value === "string" && !/^[\w.+-]{1,40}$/.test(value) ? JSON.stringify(value) : String(value);
/** A row's value: a list of [column, cell], or what is said of it in words. */
const value = (cells) => typeof cells === "string" ? cut(cells)
  : el("span", {class: "value"}, cells.map(([name, cell], i) =>
    [i ? ", " : "", el("i", {}, name), " ", cut(scalar(cell))]));
const inWords = (cells) => typeof cells === "string" ? cells
  : cells.map(([name, cell]) => `${name} ${scalar(cell)}`).join(", ");
