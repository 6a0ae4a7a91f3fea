// Many charts, one at a time: search, list, previous and next. Then everything on the page is drawn.
function drawBrowser(host) {
  const first = Number(host.dataset.first), count = Number(host.dataset.count), noun = host.dataset.noun;
  const titles = Array.from({length: count}, (_, i) => data.charts[first + i].t);
  const folded = titles.map(title => title.toLowerCase());
  const search = element("input", {type: "search", placeholder: `Search ${count.toLocaleString("en")} ${noun}`,
    "aria-label": `Search ${noun}`, autocomplete: "off", spellcheck: "false"});
  const previous = element("button", {type: "button", "aria-label": "Previous"}, "\u2191");
  const next = element("button", {type: "button", "aria-label": "Next"}, "\u2193");
  const counter = element("div", {class: "count", "aria-live": "polite"});
  const list = element("div", {class: "list", role: "listbox", tabindex: "0", "aria-label": noun});
  const figure = element("figure", {class: "chart"});
  const bar = element("div", {class: "bar"}, counter, previous, next);
  host.append(element("div", {class: "choose"}, search, bar, list), figure);
  const options = titles.map((title, index) => {
    const option = element("div", {role: "option", id: `option-${first + index}`, "aria-selected": "false", title}, title);
    option.addEventListener("click", () => choose(index));
    return option;
  });
  let found = options.map((_, index) => index), chosen = -1, clear = null;
  function choose(index) {
    if (index === undefined || index === chosen) return;
    options[chosen]?.setAttribute("aria-selected", "false");
    options[chosen = index].setAttribute("aria-selected", "true");
    list.setAttribute("aria-activedescendant", options[index].id);
    reveal();
    clear?.();
    clear = drawChart(figure, chartOf(first + index)).remove;
    tell();
  }
  function reveal() { // scrolls the list alone, never the page
    const box = options[chosen], lower = box.offsetTop - list.offsetTop;
    if (lower < list.scrollTop) list.scrollTop = lower - 4;
    else if (lower + box.offsetHeight > list.scrollTop + list.clientHeight)
      list.scrollTop = lower + box.offsetHeight - list.clientHeight + 4;
  }
  function tell() {
    const place = found.indexOf(chosen);
    const of = `${found.length.toLocaleString("en")} ${noun}` + (found.length < count ? " found" : "");
    const here = place < 0 ? "" : `${(place + 1).toLocaleString("en")} of `;
    counter.textContent = found.length === 0 ? `No ${noun} found` : here + of;
    previous.disabled = place <= 0;
    next.disabled = place < 0 || place === found.length - 1;
  }
  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    found = folded.flatMap((title, index) => words.every(word => title.includes(word)) ? [index] : []);
    list.replaceChildren(...found.map(index => options[index]));
    if (found.length && !found.includes(chosen)) choose(found[0]);
    tell();
    if (found.length) reveal();
  }
  const move = by => choose(found[found.indexOf(chosen) + by]);
  const keys = event => {
    const by = {ArrowDown: 1, ArrowUp: -1}[event.key];
    if (by) { move(by); event.preventDefault(); }
  };
  search.addEventListener("input", filter);
  search.addEventListener("keydown", keys);
  list.addEventListener("keydown", keys);
  previous.addEventListener("click", () => move(-1));
  next.addEventListener("click", () => move(1));
  filter();
}

document.querySelectorAll("figure[data-chart]").forEach(figure => drawChart(figure, chartOf(Number(figure.dataset.chart))));
document.querySelectorAll(".browser").forEach(drawBrowser);
document.querySelectorAll(".index").forEach(drawIndex);
