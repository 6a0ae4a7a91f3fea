// The JSON beside the script (packed by page.py) as arrays and colours, and how elements are made.
const data = JSON.parse(document.getElementById("data").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");
const paper = matchMedia("print");
const theme = () => (dark.matches && !paper.matches ? 1 : 0);
const color = name => data.colors[name][theme()];
const faded = (hex, opacity) => hex + Math.round(255 * opacity).toString(16).padStart(2, "0");
const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function bytes(text) {
  const raw = atob(text), out = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) out[i] = raw.charCodeAt(i);
  return out.buffer;
}
function unpackX(packed) {
  if (packed.f64 !== undefined) return Array.from(new Float64Array(bytes(packed.f64)));
  const multiples = packed.u32 === undefined ? null : new Uint32Array(bytes(packed.u32));
  return Array.from({length: packed.n}, (_, i) => packed.first + packed.step * (multiples ? multiples[i] : i));
}
function unpackY(packed, size) {
  const out = new Array(size).fill(null);
  if (!packed.n) return out;
  const values = new Float32Array(bytes(packed.f32)), at = packed.at || 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value === value) out[at + i] = (packed.base || 0) + (packed.scale || 1) * value;
  }
  return out;
}
