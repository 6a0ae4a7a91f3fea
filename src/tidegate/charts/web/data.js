// The JSON beside the script (packed by page.py) as charts that chart.js draws.
const data = JSON.parse(document.getElementById("data").textContent);

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
/** Chart `number` of the page, its arrays unpacked. */
function chartOf(number) {
  const packed = data.charts[number], x = unpackX(data.arrays[packed.x]);
  const part = index => unpackY(data.arrays[index], x.length);
  return {...packed, x, l: packed.l.map(line => ({...line, y: part(line.y)})),
    b: packed.b.map(band => ({...band, lo: part(band.lo), hi: part(band.hi)}))};
}
