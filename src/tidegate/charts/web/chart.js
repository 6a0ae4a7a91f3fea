// One chart: uPlot with a legend, a line of values under the pointer, zoom, keys, and its numbers as a table.
const DASHES = {dashed: [7, 5], dotted: [2, 4]};
const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", Arial, sans-serif';

function swatch(part) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("width", 22); svg.setAttribute("height", 12); svg.setAttribute("aria-hidden", "true");
  const add = (tag, attributes) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    svg.append(node);
  };
  if (part.lo !== undefined) add("rect", {width: 22, height: 12, rx: 2, fill: color(part.c), "fill-opacity": part.o + .06});
  if (part.y !== undefined && part.s !== "points")
    add("line", {x1: 0, x2: 22, y1: 6, y2: 6, stroke: color(part.c), "stroke-width": Math.max(2, part.w),
      "stroke-dasharray": (DASHES[part.s] || []).join(" ")});
  if (part.y !== undefined && part.s.endsWith("points")) add("circle", {cx: 11, cy: 6, r: 3, fill: color(part.c)});
  return svg;
}

/**
 * Draws a chart into `host`: lines `l` (n name, c colour, s style, w width, y) and bands `b` (lo, hi, o opacity) over
 * `x`, and what page.py's _PageData.add lists. `room` more of x is left free on the right. `drawn(u)` is called after
 * each drawing with the uPlot. Returns {update(chart, stay), remove()}; an update keeps focus, hidden lines and zoom,
 * or, where nobody zoomed, shows what the chart opens with, unless it is told to `stay`.
 */
function drawChart(host, chart, drawn = () => {}) {
  let spec, x, size, bands, lines, parts, wall, xText, whole, home, hidden, largest;
  function load(chart) {
    const before = parts, hiddenBefore = hidden;
    spec = chart;
    ({x, l: lines, b: bands} = spec);
    size = x.length;
    parts = [...lines, ...bands];
    wall = clock(spec.tz);
    xText = spec.time ? stampText(x, wall) : value => (spec.xl ? `${spec.xl} ` : "") + numberText(value);
    whole = size ? [x[0], x[size - 1] + (spec.room || 0)] : [0, 1];
    if (whole[0] === whole[1]) { whole[0] -= 1; whole[1] += 1; }
    home = recentRange(host.clientWidth);
    hidden = parts.map(one => before?.some((old, index) => old.n === one.n && hiddenBefore[index]) ?? false);
    largest = parts.flatMap(one => one.y ? [one.y] : [one.lo, one.hi])
      .reduce((most, y) => y.reduce((a, b) => Math.max(a, Math.abs(b ?? 0)), most), 0);
  }
  // Where there is little room, three times the forecast's length of history is enough to begin with.
  function recentRange(width) {
    const origin = spec.m.length ? x.findIndex(value => value > spec.m[0].x) : -1;
    if (width > 480 || origin < 0) return spec.f || whole;
    const first = origin - Math.max(3 * (size - origin), 24);
    return first > size * .2 ? [x[first], whole[1]] : spec.f || whole;
  }
  load(chart);

  const plot = element("div", {class: "plot", tabindex: "0", role: "group", "aria-roledescription": "chart"});
  const reading = element("div", {class: "reading", "aria-live": "polite"});
  const legend = element("div", {class: "legend"});
  const tools = element("div", {class: "tools", role: "group", "aria-label": "Zoom"});
  const numbers = element("details", {class: "numbers"}, element("summary", {}, "Numbers"));
  const name = element("div", {class: "name"}), unit = element("div", {class: "unit"});
  host.replaceChildren(element("div", {class: "top"}, name, tools), unit, plot, legend, reading);
  if (spec.cap) host.append(element("p", {class: "caption"}, spec.cap));
  host.append(numbers);
  const hint = () => "Point, tap or use the arrow keys to read values" + (size > 12 ? "; drag to zoom." : ".");

  function label() {
    name.textContent = spec.t;
    unit.textContent = spec.yl || "";
    plot.setAttribute("aria-label", `${spec.t}: ${parts.map(one => one.n).join(", ")}; ${size} points from ` +
      `${size ? xText(x[0]) : ""} to ${size ? xText(x[size - 1]) : ""}. Arrow keys read values, plus and minus zoom.`);
    const names = parts.map(one => one.n).join("\n");
    if (legend.dataset.names === names) return; // a button that has the focus keeps it
    legend.dataset.names = names;
    legend.replaceChildren(...parts.map((one, index) => {
      const button = element("button", {type: "button", "aria-pressed": String(!hidden[index]), title: "Show or hide"},
        swatch(one), element("span", {}, one.n));
      button.addEventListener("click", () => {
        hidden[index] = !hidden[index];
        button.setAttribute("aria-pressed", String(!hidden[index]));
        build();
      });
      return button;
    }));
  }
  // At the joined point the forecast only repeats the last observation.
  const own = (one, i) => i !== spec.j || one === lines[0];
  function partText(one, i) {
    if (!own(one, i)) return "";
    if (one.y) return one.y[i] == null ? "" : numberText(one.y[i]);
    return one.lo[i] == null || one.hi[i] == null ? "" : `${numberText(one.lo[i])} to ${numberText(one.hi[i])}`;
  }
  function read(i) {
    if (i == null || size === 0) { reading.textContent = hint(); return; }
    const seen = parts.filter((one, index) => !hidden[index] && partText(one, i));
    reading.replaceChildren(element("b", {}, xText(x[i])),
      ...seen.flatMap(one => [` \u00b7 ${one.n} `, element("b", {}, partText(one, i))]), seen.length ? "" : " \u00b7 missing");
  }

  let u = null, view = home.slice();
  function show(range) {
    const span = Math.min(range[1] - range[0], whole[1] - whole[0]);
    const first = Math.min(Math.max(range[0], whole[0]), whole[1] - span);
    u.setScale("x", {min: first, max: first + span});
  }
  function zoom(factor) {
    if (spec.lx) { // equal steps on a logarithmic axis are equal factors
      const [a, b] = view.map(Math.log), half = (b - a) * factor / 2, middle = (a + b) / 2;
      return show([Math.exp(middle - half), Math.exp(middle + half)]);
    }
    // Zoom to the right end when it is in view: the forecast is what matters.
    const span = (view[1] - view[0]) * factor, pinned = view[1] >= whole[1] - (whole[1] - whole[0]) * .005;
    const centre = pinned ? view[1] - span / 2 : (view[0] + view[1]) / 2;
    show([centre - span / 2, centre + span / 2]);
  }
  const button = (text, label, action) => {
    const node = element("button", {type: "button", "aria-label": label, title: label}, text);
    node.addEventListener("click", action);
    tools.append(node);
    return node;
  };
  const recent = button("Recent", "Show the recent part", () => show(home));
  const all = button("Whole history", "Show the whole history", () => show(whole));
  const zooms = [button("\u2212", "Zoom out", () => zoom(2)), button("+", "Zoom in", () => zoom(.5))];
  function offer() {
    recent.hidden = all.hidden = home === whole;
    for (const one of zooms) one.hidden = size <= 12;
  }
  const near = (a, b) => Math.abs(a[0] - b[0]) + Math.abs(a[1] - b[1]) < 1e-6 * (whole[1] - whole[0]);

  function fillNumbers() {
    if (!numbers.open) return;
    let rows = x.map((_, i) => i).filter(i => x[i] >= view[0] && x[i] <= view[1] && parts.some(one => partText(one, i)));
    const cut = rows.length > 400;
    if (cut) rows = rows.slice(-400);
    const head = element("tr", {}, element("th", {scope: "col"}, spec.time ? "time" : spec.xl || "step"),
      ...parts.map(one => element("th", {scope: "col", class: "number"}, one.n)));
    const body = rows.map(i => element("tr", {}, element("th", {scope: "row"}, spec.time ? xText(x[i]) : numberText(x[i])),
      ...parts.map(one => element("td", {class: "number"}, partText(one, i)))));
    const table = element("table", {}, element("caption", {}, cut ? "The last 400 points in view" : "The points in view"),
      element("thead", {}, head), element("tbody", {}, ...body));
    numbers.querySelector(".scroll")?.remove();
    const box = element("div", {class: "scroll", tabindex: "0"}, table);
    numbers.append(box);
    const after = spec.m.length ? rows.findIndex(i => x[i] > spec.m[0].x) : -1; // a forecast starts at its first row
    if (after > 0) box.scrollTop = table.tBodies[0].rows[after].offsetTop - table.tHead.offsetHeight;
  }
  numbers.addEventListener("toggle", fillNumbers);

  function options(width) {
    const ink = css("--soft"), grid = {stroke: css("--grid"), width: 1};
    const axis = {stroke: ink, font: FONT, grid, ticks: {show: false}};
    const logarithmic = space => ({
      splits: (u, index, low, high) => logTicks(low, high, (index ? u.bbox.height : u.bbox.width) / devicePixelRatio / space),
      filter: (u, splits) => splits,
      incrs: (u, index, low, high) => [Math.max(5, high)], // any distance uPlot finds room for; splits does the work
    });
    const whole = x.every(Number.isSafeInteger); // no half window between two
    const extreme = largest > 1e15 || largest < 1e-12 ? {incrs: decimalSteps, splits: decimalTicks} : {};
    const early = x[0] < Date.UTC(100) ? {splits: earlyTicks} : {};
    const few = u => { const [a, b] = u.series[0].idxs; return (b - a) * 14 < u.bbox.width / devicePixelRatio; };
    const series = [{}], fills = [];
    bands.forEach((band, index) => {
      const none = {stroke: "transparent", width: 0, points: {show: false}, show: !hidden[lines.length + index]};
      series.push({...none}, {...none});
      fills.push({series: [series.length - 1, series.length - 2], fill: faded(color(band.c), band.o + .06 * theme())});
    });
    lines.forEach((line, index) => {
      const stroke = color(line.c), pointed = line.s.endsWith("points");
      series.push({
        stroke, width: line.s === "points" ? 0 : line.w, dash: DASHES[line.s], show: !hidden[index],
        ...(line.s === "points" ? {paths: () => null} : {}),
        points: {show: pointed || (u => line.s === "line" && few(u)), size: pointed ? 6 : 5, width: 0, stroke, fill: stroke},
      });
    });
    return {
      width, height: Math.round(Math.min(spec.h, Math.max(230, width * .72))), ms: 1, padding: [14, 14, 0, 4],
      tzDate: wall, legend: {show: false}, pxAlign: false,
      cursor: {y: false, drag: {x: true, y: false, dist: 6}, bind: {dblclick: () => () => show(home)},
        points: {size: 8, width: 2, fill: css("--card"), stroke: (u, i) => u.series[i].stroke(u, i)},
        dataIdx: (u, i, at) => (i > 0 && i <= 2 * bands.length ? null : at)},
      scales: {x: {time: !!spec.time, distr: spec.lx ? 3 : 1, min: view[0], max: view[1]}, y: {distr: spec.ly ? 3 : 1}},
      series, bands: fills,
      axes: [
        {...axis, space: spec.time ? 64 : 56, gap: 6, ...(spec.time ? {incrs: timeSpans(x), ...early} : whole ? {incrs: wholeSteps} : {}),
          ...(spec.lx ? logarithmic(56) : {}), size: (u, texts) => (texts?.some(text => text.includes("\n")) ? 44 : 28),
          label: spec.xl || undefined, labelSize: 20, labelFont: FONT,
          values: (u, splits, _, __, step) => spec.time ? timeTicks(splits, step, wall) : spec.lx
            ? splits.map(value => value == null ? "" : numberText(value)) : tickTexts(splits, step)},
        {...axis, space: 36, gap: 6,
          ...(spec.ly ? logarithmic(30) : extreme),
          values: (u, splits, _, __, step) => spec.ly
            ? splits.map(value => value == null ? "" : numberText(value)) : tickTexts(splits, step),
          size: (u, texts, index, cycle) => {
            if (cycle > 1 || !texts) return u.axes[index]._size || 50;
            u.ctx.save();
            u.ctx.font = u.axes[index].font[0];
            const widest = Math.max(0, ...texts.map(text => u.ctx.measureText(text || "").width));
            u.ctx.restore();
            return Math.ceil(widest / devicePixelRatio) + 12;
          }},
      ],
      hooks: {
        setCursor: [u => read(u.cursor.left >= 0 ? u.cursor.idx : null)],
        setScale: [(u, key) => {
          if (key !== "x") return;
          view = [u.scales.x.min, u.scales.x.max];
          recent.setAttribute("aria-pressed", String(near(view, home)));
          all.setAttribute("aria-pressed", String(near(view, whole)));
          fillNumbers();
        }],
        draw: [drawn, u => spec.m.forEach(mark => {
          if (mark.x < u.scales.x.min || mark.x > u.scales.x.max) return;
          const {ctx, bbox} = u, at = u.valToPos(mark.x, "x", true), ratio = devicePixelRatio;
          ctx.save();
          ctx.strokeStyle = ctx.fillStyle = ink;
          ctx.lineWidth = ratio; ctx.setLineDash([4 * ratio, 4 * ratio]);
          ctx.beginPath(); ctx.moveTo(at, bbox.top - 6 * ratio); ctx.lineTo(at, bbox.top + bbox.height); ctx.stroke();
          ctx.font = `${11.5 * ratio}px system-ui, sans-serif`; ctx.textBaseline = "top";
          const room = 6 * ratio + ctx.measureText(mark.l).width;
          const right = (mark.side !== "left" || at - room < bbox.left) && at + room < bbox.left + bbox.width;
          ctx.textAlign = right ? "left" : "right";
          ctx.fillText(mark.l, at + (right ? 5 : -5) * ratio, bbox.top - 8 * ratio);
          ctx.restore();
        })],
      },
    };
  }
  function build() {
    u?.destroy();
    offer();
    label();
    legend.querySelectorAll("svg").forEach((old, index) => old.replaceWith(swatch(parts[index])));
    const columns = [x, ...bands.flatMap(band => [band.lo, band.hi]), ...lines.map(line => line.y)];
    u = new uPlot(options(plot.clientWidth || 600), columns, plot);
    show(view);
    read(null);
  }
  build();
  host.uplot = () => u; // for tests and the browser's console

  plot.addEventListener("keydown", event => {
    const [a, b] = u.series[0].idxs, now = u.cursor.left >= 0 ? u.cursor.idx : null;
    const to = {ArrowLeft: now == null ? b : now - 1, ArrowRight: now == null ? a : now + 1, Home: a, End: b}[event.key];
    if (event.key === "+" || event.key === "=") zoom(.5);
    else if (event.key === "-") zoom(2);
    else if (event.key === "Escape") { u.setCursor({left: -10, top: -10}); show(home); }
    else if (to !== undefined) u.setCursor({left: u.valToPos(x[Math.min(b, Math.max(a, to))], "x"), top: 0});
    else return;
    event.preventDefault();
  });
  plot.addEventListener("blur", () => u.setCursor({left: -10, top: -10}));
  plot.addEventListener("pointermove", event => { // a finger moves the reading; the page still scrolls up and down
    if (event.pointerType !== "touch") return;
    const box = u.over.getBoundingClientRect();
    u.setCursor({left: event.clientX - box.left, top: event.clientY - box.top});
  });
  const observer = new ResizeObserver(() => {
    const {width, height} = options(plot.clientWidth || 600);
    if (width === u.width) return;
    u.setSize({width, height});
    const unmoved = near(view, home); // a notebook's frame, or a phone that is turned, gets its width after the page
    home = recentRange(host.clientWidth);
    offer();
    if (unmoved) show(home);
  });
  observer.observe(plot);
  dark.addEventListener("change", build);
  paper.addEventListener("change", build);
  let following = null; // whether the view was the one it opened with, before updates that had to leave it alone
  function update(chart, stay = false) {
    following ??= near(view, home);
    load(chart);
    if (!stay && following) view = home.slice();
    if (!stay) following = null;
    build();
  }
  function remove() {
    observer.disconnect();
    dark.removeEventListener("change", build);
    paper.removeEventListener("change", build);
    u.destroy();
  }
  return {update, remove};
}
