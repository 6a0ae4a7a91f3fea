// One unit as channels with three sluice gates: how wide each stands open, and how much flows.
const SVG = "http://www.w3.org/2000/svg";
const HALF = 13; // half the width of a channel
const number = value => value.toFixed(2).replace("-", "\u2212");

/** Draws unit `unit` of step `one` (lstm.js) into the svg, once; later calls only move what changed. */
export function drawCell(svg, one, unit) {
  const parts = svg.parts ??= build(svg);
  const at = name => one[name][unit], before = one.before[unit];
  parts.before.value(before);
  parts.candidate.value(at("g"));
  parts.now.value(at("c"));
  parts.shown.value(at("h"));
  parts.read.textContent = `reads ${number(one.x)}`;
  parts.inflow.flow(before);
  parts.kept.flow(at("f") * before);
  parts.fresh.flow(at("g"));
  parts.added.flow(at("i") * at("g"));
  parts.cell.flow(at("c"));
  parts.fall.flow(Math.tanh(at("c")));
  parts.out.flow(at("h"));
  parts.forget.open(at("f"));
  parts.input.open(at("i"));
  parts.output.open(at("o"));
}

function build(svg) {
  const add = (tag, attributes, text) => {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (text) made.textContent = text;
    svg.append(made);
    return made;
  };
  const channel = (x1, y1, x2, y2) => {
    add("path", {d: `M${x1} ${y1}L${x2} ${y2}`, class: "channel"});
    const water = add("path", {d: `M${x1} ${y1}L${x2} ${y2}`, class: "water"});
    return {flow(value) {
      water.style.strokeWidth = `${Math.min(2 * HALF - 4, Math.abs(value) * 20)}px`;
      water.classList.toggle("below", value < 0);
    }};
  };
  const gate = (x, y, color, name, upright, labelX, labelY) => {
    // Two doors that close towards the middle of the channel.
    const size = {width: upright ? 7 : HALF, height: upright ? HALF : 7};
    const doors = [add("rect", {...size, class: `door ${color}`}), add("rect", {...size, class: `door ${color}`})];
    const share = add("text", {x: labelX, y: labelY + 15, class: `share ${color}`});
    add("text", {x: labelX, y: labelY, class: "gate"}, name);
    return {open(value) {
      share.textContent = `${Math.round(100 * value)} %`;
      doors.forEach((door, side) => {
        const way = side ? 1 : -1, shift = way * HALF * value; // shut at the middle, open beyond the bank
        const [cx, cy] = upright ? [x - 3.5, y + shift + (side ? 0 : -HALF)] : [x + shift + (side ? 0 : -HALF), y - 3.5];
        door.setAttribute("x", cx);
        door.setAttribute("y", cy);
      });
    }};
  };
  const pool = (x, y, name, nameY) => {
    add("circle", {cx: x, cy: y, r: 23, class: "pool"});
    const text = add("text", {x, y: y + 4.5, class: "value"});
    add("text", {x, y: nameY, class: "name"}, name);
    return {value(amount) {
      text.textContent = number(amount);
      text.classList.toggle("below", amount < 0);
    }};
  };
  const parts = {
    inflow: channel(34, 70, 112, 70), kept: channel(112, 70, 190, 70),
    fresh: channel(190, 200, 190, 142), added: channel(190, 142, 190, 70),
    cell: channel(190, 70, 318, 70), fall: channel(318, 70, 318, 142), out: channel(318, 142, 318, 200),
  };
  parts.forget = gate(112, 70, "orange", "forget", true, 112, 108);
  parts.input = gate(190, 142, "green", "input", false, 148, 138);
  parts.output = gate(318, 142, "purple", "output", false, 274, 138);
  add("circle", {cx: 190, cy: 70, r: 12, class: "sum"});
  add("path", {d: "M184 70h12M190 64v12", class: "plus"});
  parts.before = pool(34, 70, "cell before", 36);
  parts.now = pool(318, 70, "cell now", 36);
  parts.candidate = pool(190, 204, "new content", 242);
  parts.shown = pool(318, 204, "output", 242);
  parts.read = add("text", {x: 12, y: 208, class: "name start"});
  add("path", {d: "M92 204H160", class: "wire"});
  return parts;
}
