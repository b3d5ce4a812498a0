// The confusion matrix: shares of rows and columns, order of classes; for many classes a picture to zoom into.
(() => {
  const tools = document.querySelector("[data-tools]");
  if (!tools) return;
  const data = JSON.parse(document.getElementById("data").textContent).matrix;
  const share = (x) => (100 * x).toFixed(1);
  const sum = (list) => list.reduce((a, b) => a + b, 0);
  let mode = "counts";
  let order = [];
  const ordered = (names, rows, right) => ({
    given: () => names.map((_, i) => i),
    name: () => names.map((_, i) => i).sort((a, b) => names[a].localeCompare(names[b], undefined, { numeric: true })),
    size: () => names.map((_, i) => i).sort((a, b) => rows[b] - rows[a]),
    errors: () => names.map((_, i) => i).sort((a, b) => rows[b] - right[b] - (rows[a] - right[a])),
  });
  const wire = (orders, draw) => {
    const buttons = [...tools.querySelectorAll("[data-mode]")];
    buttons.forEach((button) => button.addEventListener("click", () => {
      mode = button.dataset.mode;
      buttons.forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
      draw();
    }));
    const select = tools.querySelector("[data-order]");
    select.addEventListener("change", () => {
      order = orders[select.value]();
      draw(true);
    });
    order = orders.given();
  };
  const place = tools.querySelector("[data-export]");

  // --- a table
  if (tools.dataset.tools === "table") {
    const table = document.querySelector("table.matrix:not(.live)");
    const head = table.tHead.rows[0];
    const [heads, rows] = [[...head.cells].slice(1), [...table.tBodies[0].rows]];
    const cells = rows.map((row) => [...row.cells].slice(1));
    const counts = cells.map((row) => row.map((cell) => parseFloat(cell.textContent)));
    const shown = cells.map((row) => row.map((cell) => cell.textContent));
    const names = rows.map((row) => row.cells[0].textContent);
    const [sums, columns] = [counts.map(sum), heads.map((_, k) => sum(counts.map((row) => row[k])))];
    const draw = (arrange = false) => {
      cells.forEach((row, i) => row.forEach((cell, k) => {
        const part = counts[i][k] / (mode === "columns" ? columns[k] : sums[i]) || 0;
        cell.textContent = mode === "counts" ? shown[i][k] : share(part);
        cell.style.setProperty("--a", Math.sqrt(part).toFixed(3));
      }));
      if (!arrange) return;
      heads.forEach((each) => each.removeAttribute("aria-sort"));
      head.append(...order.map((k) => heads[k]));
      order.forEach((i) => rows[i].append(...order.map((k) => cells[i][k])));
      table.tBodies[0].append(...order.map((i) => rows[i]));
    };
    wire(ordered(names, sums, counts.map((row, i) => row[i])), draw);
    window.lossmithExport(place, "confusion-matrix", () => {
      const size = Math.max(28, Math.min(56, 720 / names.length));
      const [left, top, all] = [140, 120, names.length * size];
      const make = (kind, attributes, text = "") => {
        const made = document.createElementNS("http://www.w3.org/2000/svg", kind);
        Object.entries(attributes).forEach(([key, x]) => made.setAttribute(key, x));
        made.textContent = text;
        return made;
      };
      const svg = make("svg", { viewBox: `0 0 ${left + all + 10} ${top + all + 10}`, class: "saved" });
      const cut = (text) => (text.length > 18 ? `${text.slice(0, 17)}…` : text);
      order.forEach((i, y) => {
        const [ty, tx] = [top + (y + 0.5) * size + 4, left + (y + 0.5) * size];
        svg.append(make("text", { x: left - 6, y: ty, "text-anchor": "end" }, cut(names[i])));
        svg.append(make("text", { transform: `translate(${tx + 4} ${top - 6}) rotate(-90)` }, cut(names[i])));
        order.forEach((k, x) => {
          const cell = cells[i][k];
          const box = { x: left + x * size + 1, y: top + y * size + 1, width: size - 2, height: size - 2 };
          const colour = getComputedStyle(cell).backgroundColor;
          svg.append(make("rect", { ...box, class: "own", style: `fill:${colour}` }));
          svg.append(make("text", { x: left + (x + 0.5) * size, y: ty, "text-anchor": "middle" }, cell.textContent));
        });
      });
      svg.style.position = "absolute";
      svg.style.left = "-9999px";
      svg.querySelectorAll("rect").forEach((rect) => rect.setAttribute("fill", rect.style.fill));
      document.body.append(svg);
      setTimeout(() => svg.remove());
      return svg;
    });
    return;
  }

  // --- a picture
  const canvas = document.getElementById("matrix");
  const said = document.getElementById("matrix-cell");
  const { names, rows, columns } = data;
  const size = names.length;
  const cells = new Map();
  for (let i = 0, at = 0; i < data.cells.length; i += 2) {
    at += data.cells[i];
    cells.set(at, data.cells[i + 1] * data.unit);
  }
  const right = names.map((_, i) => cells.get(i * size + i) || 0);
  const view = { x: 0, y: 0, span: size };
  const cursor = { x: 0, y: 0 };
  const context = canvas.getContext("2d");
  const clamp = () => {
    view.span = Math.min(size, Math.max(8, view.span));
    view.x = Math.min(size - view.span, Math.max(0, view.x));
    view.y = Math.min(size - view.span, Math.max(0, view.y));
  };
  const draw = () => {
    clamp();
    const style = getComputedStyle(document.documentElement);
    const [hit, miss] = ["--hit", "--miss"].map((name) => style.getPropertyValue(name).trim().split(/\s+/).map(Number));
    context.fillStyle = getComputedStyle(canvas).backgroundColor;
    context.fillRect(0, 0, canvas.width, canvas.height);
    const inverse = new Int32Array(size);
    order.forEach((i, at) => { inverse[i] = at; });
    const side = canvas.width / view.span;
    const dot = Math.max(1, side - (side > 6 ? 1 : 0));
    const darkest = new Map();
    for (const [at, n] of cells) {
      const [i, k] = [Math.floor(at / size), at % size];
      const [x, y] = [(inverse[k] - view.x) * side, (inverse[i] - view.y) * side];
      if (x <= -side || y <= -side || x >= canvas.width || y >= canvas.height) continue;
      const part = n / (mode === "columns" ? columns[k] : rows[i]);
      const spot = Math.floor(y) * canvas.width + Math.floor(x);
      if (!(darkest.get(spot)?.part >= part)) darkest.set(spot, { x, y, part, right: i === k });
    }
    for (const { x, y, part, right: good } of darkest.values()) {
      const [r, g, b] = good ? hit : miss;
      context.fillStyle = `rgb(${r} ${g} ${b} / ${0.4 + 0.6 * Math.sqrt(part)})`;
      context.fillRect(x, y, dot, dot);
    }
    if (document.activeElement === canvas) {
      context.strokeStyle = style.color;
      context.strokeRect((cursor.x - view.x) * side - 1, (cursor.y - view.y) * side - 1, dot + 2, dot + 2);
    }
  };
  const tell = () => {
    const [i, k] = [order[cursor.y], order[cursor.x]];
    const n = cells.get(i * size + k) || 0;
    said.textContent = `True ${names[i]}, predicted ${names[k]}: ${+n.toPrecision(6)} rows, ` +
      `${share(n / rows[i] || 0)} % of the true class, ${share(n / columns[k] || 0)} % of the predicted.`;
  };
  const zoom = (factor, x = view.x + view.span / 2, y = view.y + view.span / 2) => {
    const span = Math.min(size, Math.max(8, view.span * factor));
    view.x = x - ((x - view.x) * span) / view.span;
    view.y = y - ((y - view.y) * span) / view.span;
    view.span = span;
    draw();
  };
  const point = (event) => {
    const box = canvas.getBoundingClientRect();
    return [view.x + ((event.clientX - box.left) / box.width) * view.span,
      view.y + ((event.clientY - box.top) / box.height) * view.span];
  };
  let drag = null;
  canvas.addEventListener("pointerdown", (event) => {
    drag = point(event);
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointerup", () => { drag = null; });
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = point(event);
    if (drag) {
      view.x += drag[0] - x;
      view.y += drag[1] - y;
      draw();
      return;
    }
    cursor.x = Math.min(size - 1, Math.max(0, Math.floor(x)));
    cursor.y = Math.min(size - 1, Math.max(0, Math.floor(y)));
    tell();
  });
  canvas.addEventListener("dblclick", (event) => zoom(0.5, ...point(event)));
  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  canvas.addEventListener("keydown", (event) => {
    if (event.key === "+" || event.key === "=") zoom(0.5, cursor.x, cursor.y);
    else if (event.key === "-") zoom(2, cursor.x, cursor.y);
    else if (steps[event.key]) {
      const far = event.shiftKey ? 10 : 1;
      cursor.x = Math.min(size - 1, Math.max(0, cursor.x + far * steps[event.key][0]));
      cursor.y = Math.min(size - 1, Math.max(0, cursor.y + far * steps[event.key][1]));
      view.x = Math.min(cursor.x, Math.max(view.x, cursor.x - view.span + 1));
      view.y = Math.min(cursor.y, Math.max(view.y, cursor.y - view.span + 1));
      tell();
      draw();
    } else return;
    event.preventDefault();
  });
  canvas.addEventListener("focus", draw);
  canvas.addEventListener("blur", draw);
  const zooms = { in: () => zoom(0.5), out: () => zoom(2), all: () => zoom(size) };
  tools.querySelectorAll("[data-zoom]").forEach((button) =>
    button.addEventListener("click", zooms[button.dataset.zoom]));
  document.addEventListener("themechange", draw);
  wire(ordered(names, rows, right), draw);
  place.append(window.lossmithButton("PNG", "Save the confusion matrix as PNG", () =>
    canvas.toBlob((blob) => window.lossmithSave(blob, "confusion-matrix.png"), "image/png")));
  draw();
})();
