// Many charts, one at a time. Then everything on the page is drawn.
function drawBrowser(host) {
  const first = Number(host.dataset.first), count = Number(host.dataset.count);
  const titles = Array.from({length: count}, (_, i) => data.charts[first + i].t);
  const figure = element("figure", {class: "chart"});
  host.append(figure);
  let drawn = null;
  host.prepend(chooser(titles, host.dataset.noun, index => {
    drawn?.remove();
    drawn = drawChart(figure, chartOf(first + index));
  }));
}

document.querySelectorAll("figure[data-chart]").forEach(figure => drawChart(figure, chartOf(Number(figure.dataset.chart))));
document.querySelectorAll(".browser").forEach(drawBrowser);
document.querySelectorAll(".index").forEach(drawIndex);
