// The handle at the end of the forecast: drag it, or use the arrow keys, to choose the horizon.
import {element} from "./charts.js";

const PIXELS_APART = 14; // of a step at least, when the pointer leaves the chart

/** A slider over the chart `figure`; `chosen(steps, done)` is called while it moves (done: false) and when it rests. */
export function horizonHandle(figure, chosen) {
  const handle = element("div", {class: "handle", role: "slider", tabindex: "0", "aria-label": "Horizon: drag, or arrow keys",
    "aria-orientation": "horizontal", "aria-valuemin": "1", title: "Drag to choose the horizon"},
    element("span", {class: "grip"}), element("span", {class: "bubble"}));
  const bubble = handle.querySelector(".bubble");
  let u = null, chart = null, horizon = 1, season = 1, most = 1, dragged = null;

  const origin = () => chart.m[0].x;
  const end = steps => { // of a forecast of so many steps; beyond what is known, steps as long as the last
    const n = chart.x.length - horizon;
    return steps <= horizon ? chart.x[n + steps - 1] : chart.x.at(-1) + (steps - horizon) * stepLength();
  };
  const stepLength = () => (chart.x.length > 1 ? chart.x.at(-1) - chart.x.at(-2) : 1);
  function place(steps) {
    const left = u.valToPos(end(steps), "x"), inside = left >= -1 && left <= u.over.clientWidth + 1;
    const box = u.over.getBoundingClientRect(), around = handle.parentElement.getBoundingClientRect();
    handle.classList.toggle("away", !inside && steps === horizon && dragged === null);
    handle.style.left = `${box.left - around.left + Math.max(0, Math.min(left, box.width))}px`;
    handle.style.top = `${box.top - around.top}px`;
    handle.style.height = `${box.height}px`;
    const text = `${steps} step${steps === 1 ? "" : "s"}`;
    bubble.textContent = text;
    handle.setAttribute("aria-valuenow", steps);
    handle.setAttribute("aria-valuetext", text);
  }
  const limited = steps => Math.max(1, Math.min(most, Math.round(steps)));

  handle.addEventListener("pointerdown", event => {
    if (event.button) return;
    event.preventDefault();
    event.stopPropagation();
    handle.focus();
    handle.setPointerCapture(event.pointerId);
    // The scale of now holds for the whole drag, so that what is under the pointer stays there.
    const pixels = Math.max((u.valToPos(chart.x.at(-1), "x") - u.valToPos(origin(), "x")) / horizon, .01);
    dragged = {from: event.clientX, horizon, pixels, steps: horizon, edge: u.over.getBoundingClientRect().right};
    handle.classList.add("dragged");
  });
  handle.addEventListener("pointermove", event => {
    if (dragged === null) return;
    event.stopPropagation();
    const inside = Math.min(event.clientX, dragged.edge), beyond = event.clientX - inside;
    const steps = limited(dragged.horizon + (inside - dragged.from) / dragged.pixels
      + beyond / Math.min(dragged.pixels, PIXELS_APART));
    if (steps === dragged.steps) return;
    dragged.steps = steps;
    place(steps);
    chosen(steps, false);
  });
  function release() {
    if (dragged === null) return;
    const {steps} = dragged;
    dragged = null;
    handle.classList.remove("dragged");
    chosen(steps, true);
  }
  handle.addEventListener("pointerup", release);
  handle.addEventListener("pointercancel", release);
  handle.addEventListener("keydown", event => {
    const now = Number(handle.getAttribute("aria-valuenow"));
    const to = {ArrowRight: now + 1, ArrowUp: now + 1, ArrowLeft: now - 1, ArrowDown: now - 1,
      PageUp: now + season, PageDown: now - season, Home: 1, End: now + 4 * season}[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const steps = limited(to);
    handle.setAttribute("aria-valuenow", steps);
    place(steps);
    chosen(steps, true);
  });

  return {
    /** What is shown from now on: the chart of fan.js, its steps ahead, steps per season, and steps at most. */
    set(newChart, steps, perSeason, limit) {
      [chart, horizon, season, most] = [newChart, steps, Math.max(1, perSeason), limit];
      handle.setAttribute("aria-valuemax", most);
    },
    /** Given to drawChart, which calls it after every drawing. */
    drawn(newU) {
      u = newU;
      const plot = figure.querySelector(".plot");
      if (handle.parentElement !== plot) plot.append(handle);
      place(dragged?.steps ?? horizon);
    },
    get dragging() { return dragged !== null; },
  };
}
