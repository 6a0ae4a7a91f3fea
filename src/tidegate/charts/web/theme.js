// Light and dark, the colours of lines, and how elements are made. COLORS comes from chart.py.
const dark = matchMedia("(prefers-color-scheme: dark)");
const paper = matchMedia("print");
const theme = () => (dark.matches && !paper.matches ? 1 : 0);
const color = name => COLORS[name][theme()];
const faded = (hex, opacity) => hex + Math.round(255 * opacity).toString(16).padStart(2, "0");
const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}
