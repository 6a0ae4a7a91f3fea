// What the server recognised in the table, as form controls that correct it.
import {element, numberText} from "./charts.js";

const COLUMNS = ["time", "target", "id"];
export const CORRECTIONS = [...COLUMNS, "frequency", "season_length"];
const FREQUENCIES = {min: "every minute", "5min": "every 5 minutes", "15min": "every 15 minutes", "30min": "every 30 minutes",
  h: "hourly", D: "daily", B: "business days", W: "weekly", MS: "monthly", QS: "quarterly", YS: "yearly"};
const get = id => document.getElementById(id);

function fill(select, choices, chosen) {
  const same = select.options.length === choices.length
    && choices.every(([value, text], k) => select.options[k].value === value && select.options[k].text === text);
  if (!same) select.replaceChildren(...choices.map(([value, text]) => element("option", {value}, text)));
  select.value = chosen;
}

/**
 * Fills the form. answer: of the server, or null if it could read nothing; columns: names to choose from;
 * options: what was corrected so far; preset: what "back" goes back to.
 */
export function fillForm(answer, columns, options, preset) {
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
  get("undo").hidden = CORRECTIONS.every(name => options[name] === preset[name]);
}
