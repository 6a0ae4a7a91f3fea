// An answer of /v1/forecast as the chart that charts/web/chart.js draws; the same picture as charts/fan.py makes.
const rounded = level => Number(level.toFixed(6));

/** Series number `index` as a chart, with room on the right to draw the horizon out. */
export function fanChart(answer, index) {
  const {horizon} = answer, {values, x: before, x_forecast: after, zone, id, season_length: seasons} = answer.history[index];
  const from = index * horizon, n = values.length;
  const tied = n > 0 && values[n - 1] !== null; // the fan starts at the last observation, for the eye only
  const ahead = name => {
    const whole = new Array(n + horizon).fill(null);
    if (tied) whole[n - 1] = values[n - 1];
    for (let step = 0; step < horizon; step++) whole[n + step] = answer.forecast[name][from + step];
    return whole;
  };
  const x = [...before, ...after], step = x.length > 1 ? x.at(-1) - x.at(-2) : 1;
  const levels = [...answer.levels].sort((a, b) => b - a).map(rounded);
  const shown = Math.max(8 * horizon, 3 * (seasons[0] ?? 0), 24), first = Math.max(0, n - shown);
  const room = Math.max(step, .4 * (x.at(-1) - (x[n - 1] ?? x[0])), .05 * (x.at(-1) - x[first]));
  const isTime = answer.recognised.frequency !== null;
  return {
    t: answer.series > 1 ? id : answer.recognised.target, x, room, time: isTime, tz: isTime ? zone : null, h: 400,
    xl: isTime ? "" : "step", yl: answer.series > 1 ? answer.recognised.target : "",
    l: [
      {n: "observed", c: "ink", s: "line", w: 1.5, y: [...values, ...new Array(horizon).fill(null)]},
      {n: "forecast", c: "blue", s: "line", w: 2.25, y: ahead("forecast")},
    ],
    b: levels.map((level, place) => ({n: `${level} % interval`, c: "blue", o: place === 0 && levels.length > 1 ? .16 : .26,
      lo: ahead(`lo-${level}`), hi: ahead(`hi-${level}`)})),
    m: [{x: n ? x[n - 1] : x[0], l: "forecast starts", side: "left"}], // the handle is on the right
    f: n > 1.25 * shown ? [x[first], x.at(-1) + room] : null,
    j: tied ? n - 1 : undefined,
  };
}

/** The columns of a forecast as CSV text. */
export function csvText(columns) {
  const names = Object.keys(columns), cell = value => {
    const text = value === null ? "" : String(value);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const rows = columns[names[0]].map((_, row) => names.map(name => cell(columns[name][row])).join(","));
  return [names.map(cell).join(","), ...rows, ""].join("\n");
}
