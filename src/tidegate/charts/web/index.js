// A table of thousands of rows: searched by name, sorted by any column, drawn a page at a time.
const ROWS_SHOWN = 25;
function drawIndex(host) {
  const {names, columns, noun} = data.indexes[Number(host.dataset.index)];
  const folded = names.map(name => name.toLowerCase());
  const search = element("input", {type: "search", placeholder: `Search ${names.length.toLocaleString("en")} ${noun}`,
    "aria-label": `Search the table of ${noun}`, autocomplete: "off", spellcheck: "false"});
  const counter = element("div", {class: "count", "aria-live": "polite"});
  const more = element("button", {type: "button"}, "Show more");
  const body = element("tbody"), heads = element("tr");
  const all = [{n: noun[0].toUpperCase() + noun.slice(1), v: names}, ...columns];
  const numeric = all.map(column => column.v.some(value => typeof value === "number"));
  let sorted = -1, falling = false, shown = ROWS_SHOWN;
  const cells = all.map((column, place) => {
    const button = element("button", {type: "button"}, column.n);
    button.addEventListener("click", () => {
      falling = sorted === place ? !falling : numeric[place];
      sorted = place;
      draw();
    });
    const cell = element("th", {scope: "col", ...(numeric[place] ? {class: "number"} : {})}, button);
    heads.append(cell);
    return cell;
  });
  function rows() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = folded.flatMap((name, row) => words.every(word => name.includes(word)) ? [row] : []);
    if (sorted < 0) return found;
    const {v} = all[sorted], sign = falling ? -1 : 1;
    const known = found.filter(row => v[row] !== null), unknown = found.filter(row => v[row] === null);
    const order = numeric[sorted] ? (a, b) => sign * (v[a] - v[b])
      : (a, b) => sign * String(v[a]).localeCompare(String(v[b]), "en", {numeric: true});
    return [...known.sort(order), ...unknown];
  }
  function draw() {
    const found = rows();
    cells.forEach((cell, place) => place === sorted ? cell.setAttribute("aria-sort", falling ? "descending" : "ascending")
      : cell.removeAttribute("aria-sort"));
    body.replaceChildren(...found.slice(0, shown).map(row => element("tr", {}, ...all.map((column, place) =>
      element("td", numeric[place] ? {class: "number"} : {},
        numeric[place] ? numberText(column.v[row]) : String(column.v[row] ?? "\u2013"))))));
    counter.textContent = `${Math.min(shown, found.length).toLocaleString("en")} of `
      + `${found.length.toLocaleString("en")} ${noun}` + (found.length < names.length ? " found" : "");
    more.hidden = found.length <= shown;
  }
  search.addEventListener("input", () => { shown = ROWS_SHOWN; draw(); });
  more.addEventListener("click", () => { shown += 4 * ROWS_SHOWN; draw(); });
  host.append(element("div", {class: "choose"}, search), element("div", {class: "scroll"},
    element("table", {}, element("thead", {}, heads), body)), element("div", {class: "bar"}, counter, more));
  draw();
}
