// The page: a table comes in, the forecast is drawn, and whatever is corrected is forecast again.
import {ask, hasToken, Refusal, setToken} from "./api.js";
import {chooser, css, drawChart, element, numberText} from "./charts.js";
import {csvText, fanChart} from "./fan.js";
import {horizonHandle} from "./handle.js";
import {CORRECTIONS, fillApplied, fillForm, inWords} from "./recognised.js";
import {picture, sameLine, save} from "./reproduce.js";
import {showRefusal, showVerdict, waiting} from "./verdict.js";

const get = id => document.getElementById(id);
const HISTORY = 20_000; // values of each history, so that "whole history" is whole for nearly everybody
const VERDICT_AFTER = 350; // milliseconds of rest before the past is forecast too
const PARQUET = "application/vnd.apache.parquet";

// table: {name, body, type}; options: what was corrected; preset: options the table came with; answer: the last forecast, index: the series shown.
const now = {table: null, options: {}, preset: {}, horizon: null, answer: null, index: 0, titles: ""};
let chart = null, frozen = null, afresh = false; // afresh: the next drawing shows other data, so no zoom is kept
let asking = false, again = false, verdictTimer = null, verdictAsked = null;

const handle = horizonHandle(get("chart"), (steps, done) => {
  get("horizon").value = steps;
  now.horizon = steps;
  forecast();
});

// A table comes in -------------------------------------------------------------------------------------------------

async function load(name, body, options = {}) {
  performance.mark("table");
  const type = name.endsWith(".parquet") ? PARQUET : "text/csv";
  Object.assign(now, {table: {name, body, type}, options: {...options}, preset: {...options}, horizon: null, answer: null, index: 0, titles: ""});
  afresh = true;
  tell(`Reading ${name}`);
  await forecast();
}

/** Asks for the forecast of what is set; at most one request is under way, and then one for the latest that was set since. */
async function forecast() {
  again = asking;
  if (asking) return;
  asking = true;
  try {
    do {
      again = false;
      await once();
    } while (again);
  } finally {
    asking = false;
  }
}

async function once() {
  const {table, options, horizon} = now;
  clearTimeout(verdictTimer);
  verdictAsked?.abort();
  get("work").setAttribute("aria-busy", "true");
  try {
    const answer = await ask("forecast", table, {...options, horizon, history: true, history_length: HISTORY});
    performance.measure("answer", "table");
    if (table === now.table) show(answer);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (table === now.table) refuse(error);
  } finally {
    get("work").removeAttribute("aria-busy");
  }
}

// What is shown ----------------------------------------------------------------------------------------------------

function show(answer) {
  const first = now.answer === null;
  now.answer = answer;
  now.index = Math.min(now.index, answer.series - 1);
  get("problem").hidden = true;
  get("locked").hidden = true;
  get("start").hidden = true;
  get("work").hidden = false;
  get("work").classList.remove("unread");
  get("recognised-title").textContent = "Recognised in your table";
  const {recognised, series, horizon, history} = answer, frequency = recognised.frequency?.name;
  get("title").textContent = now.table.name;
  get("subtitle").textContent = [frequency, series > 1 ? `${numberText(series)} series` : `${numberText(history[0].length)} values`,
    series > 1 ? `${numberText(recognised.points)} values` : "", `${numberText(horizon)} step${horizon === 1 ? "" : "s"} ahead`]
    .filter(Boolean).join(" \u00b7 ");
  get("horizon").max = answer.model.horizon_limit;
  if (document.activeElement !== get("horizon")) get("horizon").value = now.horizon ?? horizon;
  fill(answer, recognised.columns, false);
  showSeries(answer);
  draw();
  get("notes").replaceChildren(...answer.notes.map(note => element("li", {}, note)));
  showSame();
  tell(`Forecast of ${series > 1 ? `${numberText(series)} series` : recognised.target}, ${horizon} steps ahead`);
  document.documentElement.dataset.forecasts = Number(document.documentElement.dataset.forecasts ?? 0) + 1;
  if (first) {
    get("title").focus({preventScroll: true}); // what had the focus is gone
    scrollTo(0, 0);
    waiting(get("verdict"));
    requestAnimationFrame(() => setTimeout(() => performance.measure("first forecast", "table")));
  }
  if (!handle.dragging) verdictTimer = setTimeout(judge, VERDICT_AFTER);
}

function showSeries(answer) {
  const titles = answer.history.map(one => one.id), key = titles.join("\n");
  get("work").classList.toggle("many", titles.length > 1);
  if (key === now.titles) return;
  now.titles = key;
  now.index = 0;
  get("chooser").replaceChildren();
  if (titles.length > 1) get("chooser").append(chooser(titles, "series", index => {
    now.index = index;
    if (chart && now.answer) draw();
  }));
}

function draw() {
  const {answer, index} = now, fan = fanChart(answer, index);
  if (handle.dragging) { // the scale stays as it is under the pointer
    frozen ??= get("chart").uplot().scales.x.max;
    fan.room = Math.max(0, frozen - fan.x.at(-1));
  } else frozen = null;
  handle.set(fan, answer.horizon, answer.history[index].season_length[0] ?? 1, answer.model.horizon_limit);
  if (afresh) {
    chart?.remove();
    chart = null;
    afresh = false;
  }
  if (chart) chart.update(fan, handle.dragging);
  else chart = drawChart(get("chart"), fan, handle.drawn);
  const stamp = Object.keys(answer.forecast)[answer.recognised.id.length], last = (index + 1) * answer.horizon - 1;
  get("ends").textContent = stamp in answer.forecast && answer.recognised.frequency ? `to ${answer.forecast[stamp][last]}` : "";
}

function refuse(error) {
  if (error.status === 401) { lock(); return; }
  get("problem-text").textContent = error.message;
  get("problem").hidden = false;
  get("problem-actions").replaceChildren(...error.ways.map(way => {
    const button = element("button", {type: "button"}, `Read it with ${inWords(way)}`);
    button.addEventListener("click", () => apply(way));
    return button;
  }));
  if (now.answer === null) { // nothing of this table could be shown: the form alone, to say what is what
    const {columns} = error, readable = columns.length > 1 || Object.keys(now.options).length > 0;
    get("start").hidden = readable;
    get("work").hidden = !readable;
    if (!readable) return;
    get("title").textContent = now.table.name;
    get("subtitle").textContent = "not read yet";
    get("recognised-title").textContent = "Choose the columns";
    get("work").classList.add("unread");
    get("work").classList.remove("many");
    fill(null, columns, true);
  } else fill(now.answer, now.answer.recognised.columns, true);
}

/** The form; answer: null if nothing could be read. */
function fill(answer, columns, refused) {
  fillForm(answer, columns, now.options, now.preset, refused);
  fillApplied(now.options, answer !== null, takeBack);
}

function lock() {
  get("locked").hidden = false;
  get("token").focus();
}

async function judge() {
  const {table, options, answer} = now;
  verdictAsked = new AbortController();
  waiting(get("verdict"));
  try {
    // Five windows, or as many as leave half of the longest history to forecast the first from.
    const longest = Math.max(...answer.history.map(one => one.length));
    const windows = Math.max(1, Math.min(5, Math.floor(longest / (2 * answer.horizon))));
    const found = await ask("backtest", table, {...options, horizon: answer.horizon, windows, baselines: ""}, verdictAsked.signal);
    if (table === now.table) showVerdict(get("verdict"), found);
  } catch (error) {
    if (error.name === "AbortError") return; // something was changed meanwhile, and its verdict is on its way
    if (!(error instanceof Refusal)) throw error;
    showRefusal(get("verdict"), error.message);
  }
}

function tell(text) { get("status").textContent = text; }

// The same outside -------------------------------------------------------------------------------------------------

function given() {
  return {horizon: now.answer.horizon, ...now.options};
}
function showSame() {
  const way = document.querySelector('[name="way"]:checked').value;
  const parts = sameLine(way, now.table.name, given(), now.table.type, hasToken()).split(/(\s+)/); // lines break between words only
  get("same").replaceChildren(...parts.map(part => (/\s/.test(part) ? part : element("span", {}, part))));
}
document.querySelectorAll('[name="way"]').forEach(one => one.addEventListener("change", showSame));
get("copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText(get("same").textContent);
  tell("Copied");
  get("copy").textContent = "Copied";
  setTimeout(() => { get("copy").textContent = "Copy"; }, 1500);
});
const stem = () => now.table.name.replace(/\.[^.]*$/, "");
get("save-csv").addEventListener("click", () =>
  save(`${stem()}-forecast.csv`, new Blob([csvText(now.answer.forecast)], {type: "text/csv"})));
get("save-png").addEventListener("click", async () => {
  const colors = {card: css("--card"), ink: css("--ink"), soft: css("--soft")};
  const title = now.answer.series > 1 ? now.answer.history[now.index].id : now.table.name;
  save(`${stem()}-forecast.png`, await picture(get("chart").uplot().ctx.canvas, title, get("subtitle").textContent, colors));
});

// Corrections ------------------------------------------------------------------------------------------------------

function correct(changes) {
  Object.assign(now.options, changes);
  for (const [name, value] of Object.entries(changes)) if (!value) delete now.options[name];
  afresh = true;
  return forecast();
}
const INSTEAD = {every: ["frequency"], frequency: ["every", "aggregate"]}; // what says how long the steps are, too
/** Reads the table with what an error suggests, and with what was applied before. */
function apply(way) {
  without(Object.keys(way).flatMap(name => INSTEAD[name] ?? []));
  Object.assign(now.preset, way); // without these nothing can be read
  return correct(way);
}
function takeBack(names) {
  without(names);
  return correct({});
}
function without(names) {
  for (const name of names) {
    delete now.options[name];
    delete now.preset[name];
  }
}
for (const name of CORRECTIONS) get(name).addEventListener("change", event => {
  const value = event.target.value.trim();
  const option = name === "frequency" && now.options.every ? "every" : name; // other steps to gather the rows into
  correct({[option]: name === "season_length" ? value.split(/[,;\s]+/).filter(Boolean).join(",") : value});
});
get("horizon").addEventListener("input", event => {
  const steps = event.target.valueAsNumber;
  if (!(steps >= 1)) return; // being typed
  now.horizon = Math.round(steps);
  forecast();
});
get("recognised").addEventListener("submit", event => event.preventDefault());
get("undo").addEventListener("click", () => {
  now.options = {...now.preset};
  afresh = true;
  forecast();
});

// Dropping, choosing, pasting, samples -----------------------------------------------------------------------------

let inside = 0; // dragenter and dragleave come for every element on the way
const carriesFile = event => [...event.dataTransfer?.types ?? []].includes("Files");
addEventListener("dragenter", event => { if (carriesFile(event)) { inside += 1; get("veil").hidden = false; } });
addEventListener("dragleave", event => { if (carriesFile(event) && --inside <= 0) { inside = 0; get("veil").hidden = true; } });
addEventListener("dragover", event => event.preventDefault());
addEventListener("drop", event => {
  event.preventDefault();
  inside = 0;
  get("veil").hidden = true;
  const file = event.dataTransfer.files[0], text = event.dataTransfer.getData("text/plain");
  if (file) load(file.name, file);
  else if (text) load("table.csv", text);
});
addEventListener("paste", event => {
  if (event.target.closest?.("input, textarea")) return;
  const file = event.clipboardData.files[0], text = event.clipboardData.getData("text/plain");
  if (file) load(file.name, file);
  else if (text.includes("\n")) load("pasted.csv", text);
});
get("file").addEventListener("change", event => {
  const [file] = event.target.files;
  event.target.value = ""; // so that the same file can be chosen again
  if (file) load(file.name, file);
});
get("paste").addEventListener("submit", event => {
  event.preventDefault();
  if (get("pasted").value.trim()) load("pasted.csv", get("pasted").value);
});
get("another").addEventListener("click", () => {
  get("work").hidden = true;
  get("problem").hidden = true;
  get("start").hidden = false;
  get("file").focus();
});
get("locked").addEventListener("submit", event => {
  event.preventDefault();
  setToken(get("token").value);
  get("locked").hidden = true;
  forecast();
});

function sketch(points) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 100 30");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  line.setAttribute("d", points.map((y, k) => `${k ? "L" : "M"}${(100 * k / (points.length - 1)).toFixed(1)} ${(27 - 24 * y).toFixed(1)}`).join(""));
  svg.append(line);
  return svg;
}
const samples = await (await fetch("/samples/index.json")).json();
get("samples").replaceChildren(...samples.map(sample => {
  const button = element("button", {type: "button"}, sketch(sample.sketch), element("strong", {}, sample.title),
    element("span", {}, sample.text));
  button.addEventListener("click", async () =>
    load(sample.file, await (await fetch(`/samples/${sample.file}`)).blob(), sample.options));
  return element("li", {}, button);
}));
document.documentElement.dataset.ready = "true";
