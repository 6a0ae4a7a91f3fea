// What the server recognised in the table, as form controls that correct it.
import {element, numberText} from "./charts.js";

const COLUMNS = ["time", "target", "id"];
export const CORRECTIONS = [...COLUMNS, "date_format", "frequency", "season_length"];
const FREQUENCIES = {min: "every minute", "5min": "every 5 minutes", "15min": "every 15 minutes", "30min": "every 30 minutes",
  h: "hourly", D: "daily", B: "business days", W: "weekly", MS: "monthly", QS: "quarterly", YS: "yearly"};
const UNITS = {s: "second", min: "minute", h: "hour", D: "day", W: "week", MS: "month", QS: "quarter", YS: "year"};
const get = id => document.getElementById(id);

function fill(select, choices, chosen) {
  const same = select.options.length === choices.length
    && choices.every(([value, text], k) => select.options[k].value === value && select.options[k].text === text);
  if (!same) select.replaceChildren(...choices.map(([value, text]) => element("option", {value}, text)));
  select.value = chosen;
}

/** "10min" as "10 minutes"; a word of another kind as it is. */
function span(word) {
  const [, count, unit] = word.match(/^(\d*)(\w+)$/) ?? [];
  if (!UNITS[unit]) return word;
  return Number(count || 1) === 1 ? UNITS[unit] : `${count} ${UNITS[unit]}s`;
}

const WORDS = { // of an option that an error suggests
  time: value => `time: ${value}`,
  target: value => `value: ${value}`,
  id: value => `series: ${value}`,
  timezone: value => `time zone ${value}`,
  date_format: value => `dates written as ${value}`,
  frequency: value => `frequency: ${FREQUENCIES[value] ?? `every ${span(value)}`}`,
  every: (value, options) => `the ${options.aggregate} of every ${span(value)}`,
  duplicates: value => `the ${value} of repeated timestamps`,
  decimal: value => (value === "," ? "decimal commas" : "decimal points"),
};

/** Options as a button names them: "value: sales, series: shop". */
export const inWords = options => Object.entries(options).filter(([name]) => name !== "aggregate")
  .map(([name, value]) => WORDS[name]?.(value, options) ?? `${name.replaceAll("_", " ")}: ${value}`).join(", ");

/** The options that no control of the form shows, as sets that are taken back together; read: something could be read. */
function withoutControl(options, read) {
  const shown = read ? CORRECTIONS : [...COLUMNS, "date_format"]; // the others are hidden until then
  return Object.entries(options).filter(([name]) => !shown.includes(name) && name !== "aggregate")
    .map(([name, value]) => (name === "every" ? {every: value, aggregate: options.aggregate} : {[name]: value}));
}

/** Shows what was applied and has no control; `takeBack(names)` is called for what is pressed. */
export function fillApplied(options, read, takeBack) {
  get("applied").replaceChildren(...withoutControl(options, read).map(some => {
    const words = inWords(some), button = element("button", {type: "button", class: "chip", title: "Take back",
      "aria-label": `Take back: ${words}`}, element("span", {}, words), element("span", {"aria-hidden": "true"}, "\u00d7"));
    button.addEventListener("click", () => takeBack(Object.keys(some)));
    return button;
  }));
}

/**
 * Fills the form. answer: of the server, or null if it could read nothing; columns: names to choose from;
 * options: what was corrected so far; preset: what "back" goes back to; refused: they were not enough to read it.
 */
export function fillForm(answer, columns, options, preset, refused) {
  const found = answer?.recognised, history = answer?.history ?? [];
  const joined = names => names.join(",");
  const roles = {time: found ? joined(found.time) : "", target: found?.target ?? "", id: found ? joined(found.id) : ""};
  for (const role of COLUMNS) {
    const now = options[role] ?? roles[role];
    const choices = columns.map(name => [name, name]);
    if (role === "id" || !found || !now) choices.unshift(["", role === "id" ? "one series" : found ? "none" : "not yet known"]);
    if (now && !columns.includes(now)) choices.unshift([now, role === "target" ? "every number column" : now.replaceAll(",", " + ")]);
    fill(get(role), choices, now);
  }
  get("date_format").value = options.date_format ?? "";
  get("date_format").parentElement.hidden = !refused && !options.date_format;
  const word = found?.frequency?.word ?? "";
  const known = Object.entries(FREQUENCIES).filter(([key]) => key !== word);
  fill(get("frequency"), [[word, found?.frequency?.name ?? (found ? "positions, no dates" : "not yet known")], ...known],
    options.frequency ?? word);
  get("frequency").disabled = !found?.frequency && !options.frequency;
  const seasons = new Set(history.map(one => one.season_length.join(", ")));
  const several = seasons.size > 1;
  get("season_length").value = options.season_length ?? (several ? "" : [...seasons][0] ?? "");
  get("season_length").placeholder = several ? "differ by series" : "none";
  get("gaps").textContent = !found ? "\u2013" : found.missing === 0 ? `none in ${numberText(found.points)} values`
    : `${numberText(found.missing)} of ${numberText(found.points)} values`;
  get("undo").hidden = Object.keys({...preset, ...options}).every(name => options[name] === preset[name]);
}
