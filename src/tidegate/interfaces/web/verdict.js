// The verdict of a backtest beside the chart: the sentence, what to beware of, and a small table.
import {element, numberText} from "./charts.js";

const three = value => (value == null ? "\u2013" : value >= .001 && value < 1000 ? value.toPrecision(3)
  : numberText(Number(value.toPrecision(3))));
const share = value => (value == null ? "\u2013" : `${Math.round(100 * value)} %`);

/** What is said while it is computed; as tall as an answer, so that nothing moves when that comes. */
export function waiting(host) {
  host.replaceChildren(element("p", {class: "hint"}, "Testing on the latest part of the history, against simple methods …"),
    ...Array.from({length: 5}, () => element("div", {class: "bone", "aria-hidden": "true"})));
  host.setAttribute("aria-busy", "true");
}

export function showVerdict(host, answer) {
  const own = answer.comparisons[0]?.model;
  const level = Object.keys(answer.scores[own] ?? {}).find(name => name.startsWith("coverage_"));
  const rows = Object.entries(answer.scores).sort(([, a], [, b]) => (a.mase ?? Infinity) - (b.mase ?? Infinity));
  const table = element("table", {}, element("caption", {}, "Error: MASE, where 1 equals the seasonal naive method on the history."
      + ` Covered: how many values the ${level?.replace("coverage_", "")} % interval contained.`),
    element("thead", {}, element("tr", {}, element("th", {scope: "col"}, "Method"), element("th", {scope: "col", class: "number"}, "Error"),
      element("th", {scope: "col", class: "number"}, "Covered"))),
    element("tbody", {}, ...rows.map(([name, score]) => element("tr", name === own ? {class: "highlight"} : {},
      element("th", {scope: "row"}, name), element("td", {class: "number"}, three(score.mase)),
      element("td", {class: "number"}, share(score[level]))))));
  host.replaceChildren(element("p", {class: "sentence"}, `${answer.verdict}.`.replaceAll(" %", "\u00a0%")),
    ...(answer.warnings ?? []).map(text => element("p", {class: "warning"}, text)),
    element("div", {class: "scroll"}, table));
  host.removeAttribute("aria-busy");
}

export function showRefusal(host, message) {
  host.replaceChildren(element("p", {class: "hint"}, message));
  host.removeAttribute("aria-busy");
}
