// Numbers, stamps and ticks as text. page.py joins these files into one script.
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const DAYS = "Sun Mon Tue Wed Thu Fri Sat".split(" ");
const SECOND = 1e3, MINUTE = 6e4, HOUR = 36e5, DAY = 864e5;
const two = number => String(number).padStart(2, "0");
const minus = text => text.replaceAll("-", "\u2212");
const power = (value, digits) => minus(value.toExponential(digits).replace(/\.?0+e\+?/, "e").replace("e+", "e"));
const plain = new Intl.NumberFormat("en", {maximumSignificantDigits: 6});

function numberText(value) {
  if (value == null) return "\u2013";
  const size = Math.abs(value);
  return size && (size >= 1e15 || size < 1e-4) ? power(value, 3) : minus(plain.format(value));
}
function tickTexts(splits, step) {
  const largest = Math.max(...splits.map(value => Math.abs(value ?? 0)));
  if (largest && (largest >= 1e15 || largest < 1e-4))
    return splits.map(value => value == null ? "" : value === 0 ? "0" : power(value, 2));
  const [unit, letter] = largest >= 1e12 ? [1e12, "T"] : largest >= 1e9 ? [1e9, "B"] : largest >= 1e6 ? [1e6, "M"]
    : largest >= 1e5 ? [1e3, "k"] : [1, ""];
  const [by, suffix] = step / unit < 1e-3 ? [1, ""] : [unit, letter];
  const digits = Math.min(12, Math.max(0, -Math.floor(Math.log10(step / by) + 1e-9)));
  const format = new Intl.NumberFormat("en", {maximumFractionDigits: digits + (step / by * 10 ** digits % 1 > 1e-6 ? 1 : 0)});
  return splits.map(value => value == null ? "" : value === 0 ? "0" : minus(format.format(value / by)) + suffix);
}

// Date whose getters (hours, day, …) read as the clock of the chart's zone did.
const clock = zone => {
  const utc = ms => uPlot.tzDate(new Date(ms), "Etc/UTC");
  if (!zone) return utc;
  try { uPlot.tzDate(new Date(0), zone); } catch (error) { console.warn(`time zone ${zone} is unknown here`); return utc; }
  return ms => uPlot.tzDate(new Date(ms), zone);
};
// Months such as 1-01 count years from 1.
const yearText = year => (year > 0 && year < 100 ? `year ${year}` : String(year));
function stampText(x, wall) {
  let step = Infinity;
  for (let i = 1; i < x.length; i++) step = Math.min(step, x[i] - x[i - 1]);
  if (x.length < 2) step = DAY;
  const yearly = step > 350 * DAY && x.every(ms => { const d = wall(ms); return d.getMonth() % 11 === 0; });
  return ms => {
    const d = wall(ms), year = yearText(d.getFullYear());
    const month = `${MONTHS[d.getMonth()]}${year.startsWith("year") ? "," : ""} ${year}`;
    if (yearly) return year;
    if (step > 27 * DAY) return month;
    const day = `${DAYS[d.getDay()]} ${d.getDate()} ${month}`;
    if (step >= DAY - HOUR) return day;
    const seconds = step < MINUTE ? ":" + two(d.getSeconds()) : "";
    const fraction = step < SECOND ? "." + String(d.getMilliseconds()).padStart(3, "0") : "";
    return `${day} ${two(d.getHours())}:${two(d.getMinutes())}${seconds}${fraction}`;
  };
}
function timeTicks(splits, step, wall) {
  let before = null;
  return splits.map(ms => {
    if (ms == null) return "";
    const d = wall(ms), last = before;
    before = d;
    const year = d.getFullYear(), newYear = !last || last.getFullYear() !== year;
    if (step >= 350 * DAY) return yearText(year);
    if (step >= 27 * DAY) return MONTHS[d.getMonth()] + (newYear ? `\n${yearText(year)}` : "");
    const date = `${d.getDate()} ${MONTHS[d.getMonth()]}`;
    if (step >= DAY) return date + (newYear ? `\n${yearText(year)}` : "");
    const newDay = newYear || last.getDate() !== d.getDate();
    const time = `${two(d.getHours())}:${two(d.getMinutes())}` + (step < MINUTE ? `:${two(d.getSeconds())}` : "")
      + (step < SECOND ? `.${String(d.getMilliseconds()).padStart(3, "0")}` : "");
    return time + (newDay ? `\n${date}` : "");
  });
}

// Distances of ticks on a time axis, as uPlot counts months (30 days) and years (365): none finer than the data.
const SPANS = [...[1, 2, 5, 10, 20, 50, 100, 200, 500], ...[1, 5, 10, 15, 30].map(n => n * SECOND),
  ...[1, 5, 10, 15, 30].map(n => n * MINUTE), ...[1, 2, 3, 4, 6, 8, 12].map(n => n * HOUR), ...[1, 2, 3, 7, 14].map(n => n * DAY),
  ...[1, 2, 3, 4, 6].map(n => 30 * n * DAY), ...[1, 2, 5, 10, 25, 50, 100].map(n => 365 * n * DAY)];
function timeSpans(x) {
  let step = Infinity;
  for (let i = 1; i < x.length; i++) step = Math.min(step, x[i] - x[i - 1]);
  return SPANS.filter(span => span >= (step === Infinity ? DAY : Math.min(step, 365 * DAY) * .9));
}
/** Ticks of a time axis that begins before the year 100, which uPlot, as Date does, takes for one after 1900. */
function earlyTicks(u, axis, low, high, step) {
  const months = step >= 350 * DAY ? 12 * Math.round(step / (365 * DAY)) : step >= 27 * DAY ? Math.round(step / (30 * DAY)) : 0;
  if (!months) return decimalTicks(u, axis, low, high, step);
  const first = new Date(low), ticks = [];
  for (let month = Math.floor((12 * first.getUTCFullYear() + first.getUTCMonth()) / months) * months; ; month += months) {
    const at = new Date(0).setUTCFullYear(Math.floor(month / 12), month % 12, 1);
    if (at > high) return ticks;
    if (at >= low) ticks.push(at);
  }
}
// 1, 2, 5, 10 ... for an axis that counts.
const wholeSteps = Array.from({length: 48}, (_, i) => [1, 2, 5][i % 3] * 10 ** Math.floor(i / 3));
// uPlot looks ticks up in a table from 1e-16 to 1e16; outside of it, and on long logarithmic axes, it would never end.
const decimalSteps = (u, axis, low, high) => {
  const unit = 10 ** Math.floor(Math.log10((high - low) / 50 || 1));
  return [1, 2, 5, 10, 20, 50].map(n => n * unit);
};
function decimalTicks(u, axis, low, high, step) {
  const first = Math.ceil(low / step), count = Math.min(100, Math.floor(high / step) - first + 1);
  return Array.from({length: Math.max(0, count)}, (_, i) => (first + i) * step);
}
/** Ticks of a logarithmic axis: 1, 2, 5, … within three powers of ten, else every first, second, fifth … power. */
function logTicks(low, high, most) {
  const first = Math.floor(Math.log10(low) + 1e-9), last = Math.ceil(Math.log10(high) - 1e-9);
  const every = [1, 2, 5, 10, 20, 50, 100, 200].find(n => (last - first) / n <= most) ?? 200;
  const ticks = [];
  for (let exponent = first; exponent <= last; exponent++) {
    if (exponent % every) continue;
    for (const digit of last - first < 3 ? [1, 2, 5] : [1]) ticks.push(Number(`${digit}e${exponent}`));
  }
  return ticks.filter(tick => tick >= low * .9999 && tick <= high * 1.0001);
}
