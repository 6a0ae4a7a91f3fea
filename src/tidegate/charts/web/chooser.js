// One of many by name: search, list, previous and next.
let choosers = 0;

/** A chooser of `titles` as elements; `chosen(index)` is called when another is picked, and for the first at once. */
function chooser(titles, noun, chosen) {
  const count = titles.length, own = `chooser-${choosers++}`;
  const folded = titles.map(title => title.toLowerCase());
  const search = element("input", {type: "search", placeholder: `Search ${count.toLocaleString("en")} ${noun}`,
    "aria-label": `Search ${noun}`, autocomplete: "off", spellcheck: "false"});
  const previous = element("button", {type: "button", "aria-label": "Previous"}, "\u2191");
  const next = element("button", {type: "button", "aria-label": "Next"}, "\u2193");
  const counter = element("div", {class: "count", "aria-live": "polite"});
  const list = element("div", {class: "list", role: "listbox", tabindex: "0", "aria-label": noun});
  const options = titles.map((title, index) => {
    const option = element("div", {role: "option", id: `${own}-${index}`, "aria-selected": "false", title}, title);
    option.addEventListener("click", () => choose(index));
    return option;
  });
  let found = options.map((_, index) => index), current = -1;
  function choose(index) {
    if (index === undefined || index === current) return;
    options[current]?.setAttribute("aria-selected", "false");
    options[current = index].setAttribute("aria-selected", "true");
    list.setAttribute("aria-activedescendant", options[index].id);
    reveal();
    chosen(index);
    tell();
  }
  function reveal() { // scrolls the list alone, never the page
    const box = options[current], lower = box.offsetTop - list.offsetTop;
    if (lower < list.scrollTop) list.scrollTop = lower - 4;
    else if (lower + box.offsetHeight > list.scrollTop + list.clientHeight)
      list.scrollTop = lower + box.offsetHeight - list.clientHeight + 4;
  }
  function tell() {
    const place = found.indexOf(current);
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
    if (found.length && !found.includes(current)) choose(found[0]);
    tell();
    if (found.length) reveal();
  }
  const move = by => choose(found[found.indexOf(current) + by]);
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
  return element("div", {class: "choose"}, search, element("div", {class: "bar"}, counter, previous, next), list);
}
