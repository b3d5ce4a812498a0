// The slider: counts at the threshold, what follows from them, and the marks in the curves.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent).thresholds;
  const slider = document.getElementById("slider");
  if (!data || !slider) return;
  const element = (id) => document.getElementById(id);
  const share = (x) => (Number.isFinite(x) ? x.toFixed(4) : "–");
  const count = (x) => (Number.isInteger(x) ? String(x) : String(+x.toPrecision(4)));
  const { positives, negatives } = data;
  const cost = (i) => {
    const [alarm, miss] = ["cost-alarm", "cost-miss"].map((id) => Math.max(0, parseFloat(element(id).value) || 0));
    return alarm * data.alarms[i] + miss * (positives - data.hits[i]);
  };
  const f1 = (i) => (2 * data.hits[i]) / (data.hits[i] + data.alarms[i] + positives);
  const best = (score) => data.threshold.reduce((at, _, i) => (score(i) > score(at) ? i : at), 0);

  const figures = Object.fromEntries(
    [...document.querySelectorAll("figure.chart")].map((figure) => [figure.dataset.name, figure.querySelector("svg")]));
  const place = (svg, x, y) => {
    const mark = svg?.querySelector("circle.mark");
    if (!mark) return;
    const [left, top, width, height] = svg.dataset.box.split(" ").map(Number);
    mark.style.display = Number.isFinite(y) ? "" : "none";
    if (!Number.isFinite(y)) return;
    mark.setAttribute("cx", left + width * x);
    mark.setAttribute("cy", top + height * (1 - y));
  };

  const show = () => {
    const i = Number(slider.value);
    const [hits, alarms] = [data.hits[i], data.alarms[i]];
    const threshold = String(+data.threshold[i].toPrecision(4));
    element("slider-value").textContent = threshold;
    slider.setAttribute("aria-valuetext", threshold);
    const cells = [[negatives - alarms, alarms], [positives - hits, hits]];
    cells.forEach((row, r) => row.forEach((cell, c) => {
      const shown = element(`live-${r}${c}`);
      shown.textContent = count(cell);
      shown.style.setProperty("--a", Math.sqrt(cell / (row[0] + row[1])).toFixed(3));
    }));
    const numbers = {
      precision: hits / (hits + alarms), recall: hits / positives, specificity: 1 - alarms / negatives, f1: f1(i),
      accuracy: (hits + negatives - alarms) / (positives + negatives),
      flagged: (hits + alarms) / (positives + negatives),
    };
    for (const [name, x] of Object.entries(numbers)) element(`live-${name}`).textContent = share(x);
    element("live-cost").textContent = count(cost(i));
    place(figures.roc, alarms / negatives, hits / positives);
    place(figures["precision-recall"], hits / positives, hits / (hits + alarms));
    const line = figures.scores?.querySelector("line.mark-line");
    if (line) {
      const [left, , width] = figures.scores.dataset.box.split(" ").map(Number);
      line.setAttribute("x1", left + width * data.threshold[i]);
      line.setAttribute("x2", left + width * data.threshold[i]);
    }
  };
  slider.addEventListener("input", show);
  element("cost-alarm").addEventListener("input", show);
  element("cost-miss").addEventListener("input", show);
  const picks = { middle: () => data.start, f1: () => best(f1), cost: () => best((i) => -cost(i)) };
  for (const button of document.querySelectorAll("[data-pick]")) {
    button.addEventListener("click", () => {
      slider.value = picks[button.dataset.pick]();
      show();
    });
  }
  show();
})();
