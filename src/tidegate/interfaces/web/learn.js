// The learn page: a trained LSTM reads a wave; what its gates do at each step, drawn and told.
import {readWave} from "./lstm.js";
import {drawCell} from "./cell.js";

const SVG = "http://www.w3.org/2000/svg";
const get = id => document.getElementById(id);
const weights = await (await fetch("/static/learn.json")).json();
const wave = weights.wave, ALONE = 110; // from this step on it reads its own guesses
const steps = readWave(wave, weights, ALONE);
const units = weights.head_weight.length, last = steps.length - 1;
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const number = (value, digits = 2) => value.toFixed(digits).replace("-", "\u2212");
const percent = value => `${Math.round(100 * value)} %`;

let now = 30, unit = 0, timer = null;

function node(svg, tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  svg.append(made);
  return made;
}
const path = points => points.map(([x, y], k) => `${k ? "L" : "M"}${x.toFixed(2)} ${y.toFixed(2)}`).join("");

/** A strip over time: x is the step; low to high fill its height. Returns y of a value. */
function strip(svg, low, high) {
  svg.setAttribute("viewBox", `-1 0 ${last + 2} 100`);
  svg.replaceChildren();
  return value => 96 - 92 * (value - low) / (high - low);
}

function drawWave() {
  const svg = get("wave"), y = strip(svg, -1.35, 1.35);
  node(svg, "rect", {x: ALONE - .5, y: 0, width: last + 1 - ALONE + .5, height: 100, class: "alone"});
  node(svg, "path", {d: `M-1 ${y(0)}H${last + 1}`, class: "zero"});
  node(svg, "path", {d: path(wave.map((value, k) => [k, y(value)])), class: "line grey"});
  node(svg, "path", {d: path(steps.slice(0, Math.min(now + 1, ALONE)).map((one, k) => [k, y(one.x)])), class: "line ink"});
  node(svg, "path", {d: path(steps.slice(0, now + 1).map((one, k) => [k + 1, y(one.guess)])), class: "line blue"});
  cursor(svg);
  node(svg, "path", {d: `M${now} ${y(steps[now].x)}h.01`, class: "point ink"});
  node(svg, "path", {d: `M${now + 1} ${y(steps[now].guess)}h.01`, class: "point blue"});
}

/** Lines of the chosen unit over time, what is to come faintly. lines: [name in lstm.js, colour]; rules: values. */
function drawOverTime(svg, lines, low, high, rules) {
  const y = strip(svg, low, high);
  node(svg, "path", {d: rules.map(value => `M-1 ${y(value)}H${last + 1}`).join(""), class: "zero"});
  for (const [name, color] of lines) {
    const points = steps.map((one, k) => [k, y(one[name][unit])]);
    node(svg, "path", {d: path(points), class: `line ${color} faint`});
    node(svg, "path", {d: path(points.slice(0, now + 1)), class: `line ${color}`});
  }
  cursor(svg);
}

function cursor(svg) { node(svg, "path", {d: `M${now} 0V100`, class: "cursor"}); }

// One row per unit: a canvas whose column k is the cell after step k, blue above zero and orange below.
const rows = Array.from({length: units}, (_, k) => {
  const label = document.createElement("label"), input = document.createElement("input");
  const canvas = Object.assign(document.createElement("canvas"), {width: steps.length, height: 1});
  Object.assign(input, {type: "radio", name: "unit", value: k, checked: k === unit});
  canvas.setAttribute("aria-hidden", "true");
  input.addEventListener("change", () => { unit = k; show(); });
  const name = document.createElement("span");
  name.textContent = `Unit ${k + 1}`;
  label.append(input, name, canvas);
  get("units").append(label);
  return canvas;
});
const largest = Math.max(...steps.flatMap(one => one.c.map(Math.abs)));

function drawRows() {
  const colors = getComputedStyle(document.documentElement);
  const [above, below] = ["--blue", "--orange"].map(name => colors.getPropertyValue(name).trim());
  rows.forEach((canvas, k) => {
    const paint = canvas.getContext("2d");
    paint.clearRect(0, 0, steps.length, 1);
    steps.slice(0, now + 1).forEach((one, step) => {
      paint.globalAlpha = Math.sqrt(Math.abs(one.c[k]) / largest);
      paint.fillStyle = one.c[k] > 0 ? above : below;
      paint.fillRect(step, 0, 1, 1);
    });
    canvas.parentElement.classList.toggle("chosen", k === unit);
  });
}

const opened = value => value > .85 ? "wide open" : value > .6 ? "more open than shut" : value > .4 ? "half open"
  : value > .15 ? "more shut than open" : "almost shut";

function sentences() {
  const one = steps[now], at = name => one[name][unit];
  const kept = at("f") * one.before[unit], added = at("i") * at("g"), next = wave[now + 1];
  const source = now < ALONE ? "The wave says" : "The wave has ended, so it reads its own guess,";
  const guess = `All eight outputs together guess ${number(one.guess)}` + (next === undefined ? "."
    : `; the wave goes on with ${number(next)}` + (now + 1 < ALONE ? "." : ", which it cannot see."));
  return [
    ["Read", "ink", null, `${source} ${number(one.x)}.`],
    ["Forget gate", "orange", at("f"), `${percent(at("f"))}, ${opened(at("f"))}: of ${number(one.before[unit])} it keeps ${number(kept)}.`],
    ["Input gate", "green", at("i"), `${percent(at("i"))}, ${opened(at("i"))}: of the new ${number(at("g"))} it lets in ${number(added)}.`],
    ["Cell", "blue", null, `${number(kept)} ${added < 0 ? "\u2212" : "+"} ${number(Math.abs(added))} makes ${number(at("c"))}, the memory now.`],
    ["Output gate", "purple", at("o"), `${percent(at("o"))}, ${opened(at("o"))}: of the cell, squeezed to ${number(Math.tanh(at("c")))}, it shows ${number(at("h"))}.`],
    ["Guess", "blue", null, guess],
  ];
}

function tell() {
  const rows = sentences();
  if (get("told").childElementCount !== rows.length) get("told").replaceChildren(...rows.map(() => {
    const row = document.createElement("div");
    row.append(document.createElement("dt"), document.createElement("dd"));
    return row;
  }));
  rows.forEach(([name, color, gate, text], k) => {
    const row = get("told").children[k];
    row.className = color;
    row.firstChild.textContent = name;
    row.lastChild.textContent = text;
    row.classList.toggle("gate", gate !== null);
    row.style.setProperty("--open", gate ?? 0);
  });
}

function show() {
  for (const one of document.querySelectorAll(".unit-name")) one.textContent = unit + 1;
  get("step").value = now;
  get("step").setAttribute("aria-valuetext", `step ${now + 1} of ${steps.length}`);
  get("place").textContent = `${now + 1} of ${steps.length}`;
  get("back").disabled = now === 0;
  get("forth").disabled = now === last;
  drawWave();
  drawOverTime(get("gates"), [["f", "orange"], ["i", "green"], ["o", "purple"]], 0, 1, [0, 1]);
  drawOverTime(get("memory"), [["c", "blue"], ["h", "ink"]], -largest, largest, [0]);
  drawRows();
  drawCell(get("cell"), steps[now], unit);
  tell();
}

function go(step) { now = Math.max(0, Math.min(last, step)); show(); }
function pause() {
  clearInterval(timer);
  timer = null;
  get("play").textContent = "Play";
  get("play").setAttribute("aria-pressed", "false");
  get("told").setAttribute("aria-live", "polite");
}
function play() {
  if (now === last) go(0);
  get("play").textContent = "Pause";
  get("play").setAttribute("aria-pressed", "true");
  get("told").setAttribute("aria-live", "off"); // fifteen sentences a second are for nobody
  const rate = calm.matches ? 1 : Number(get("speed").value);
  clearInterval(timer);
  timer = setInterval(() => { go(now + 1); if (now === last) pause(); }, 1000 / rate);
}

get("step").max = last;
get("step").addEventListener("input", event => { pause(); go(Number(event.target.value)); });
get("play").addEventListener("click", () => (timer ? pause() : play()));
get("back").addEventListener("click", () => { pause(); go(now - 1); });
get("forth").addEventListener("click", () => { pause(); go(now + 1); });
get("speed").addEventListener("change", () => { if (timer) play(); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
show();
document.documentElement.dataset.ready = "true";
