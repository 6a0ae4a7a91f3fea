// The same forecast outside this page: the line for a shell, for Python and for curl.
const plain = /^[\w@%+=:,./-]+$/;
const shell = text => (plain.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
const python = value => (typeof value === "number" ? String(value) : JSON.stringify(value));

/**
 * way: "command", "python" or "http"; options: name -> value without the empty ones, horizon among them;
 * guarded: the server asks for a token, which the line takes from the shell's variable: it may be pasted anywhere.
 */
export function sameLine(way, file, options, type, guarded) {
  const given = Object.entries(options);
  const stem = file.replace(/\.[^.]*$/, "");
  if (way === "command") {
    const words = given.map(([name, value]) => `--${name.replaceAll("_", "-")} ${shell(String(value))}`);
    return ["tidegate forecast", shell(file), ...words, "-o", shell(`${stem}-forecast.csv`)].join(" ");
  }
  if (way === "python") {
    const words = given.map(([name, value]) => `${name}=${name === "season_length" ? seasons(value) : python(value)}`);
    return `import tidegate\n\nfc = tidegate.forecast(${[python(file), ...words].join(", ")})\nfc.save(${python(`${stem}-forecast.csv`)})`;
  }
  const query = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
  const token = guarded ? '-H "Authorization: Bearer $TIDEGATE_TOKEN" ' : "";
  return `curl ${token}-H 'Content-Type: ${type}' --data-binary ${shell(`@${file}`)} \\\n  '${location.origin}/v1/forecast?${query}'`;
}

function seasons(text) {
  const numbers = String(text).split(",").map(one => one.trim()).filter(Boolean);
  return numbers.length === 1 ? numbers[0] : `(${numbers.join(", ")})`;
}

/** The chart's canvas with its title on the page's colour, as a PNG. */
export async function picture(canvas, title, subtitle, colors) {
  const ratio = devicePixelRatio, top = 64 * ratio, edge = 16 * ratio;
  const whole = Object.assign(document.createElement("canvas"), {width: canvas.width + 2 * edge, height: canvas.height + top + edge});
  const paint = whole.getContext("2d");
  paint.fillStyle = colors.card;
  paint.fillRect(0, 0, whole.width, whole.height);
  paint.fillStyle = colors.ink;
  paint.font = `650 ${17 * ratio}px system-ui, sans-serif`;
  paint.fillText(title, edge, 28 * ratio, whole.width - 2 * edge);
  paint.fillStyle = colors.soft;
  paint.font = `${12.5 * ratio}px system-ui, sans-serif`;
  paint.fillText(subtitle, edge, 48 * ratio, whole.width - 2 * edge);
  paint.drawImage(canvas, edge, top);
  return new Promise(resolve => whole.toBlob(resolve, "image/png"));
}

/** Hands a file to the browser's downloads. */
export function save(name, blob) {
  const link = Object.assign(document.createElement("a"), {href: URL.createObjectURL(blob), download: name});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
