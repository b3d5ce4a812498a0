// Theme, tables that can be put in order, figures that can be saved. Text from data goes into textContent alone.
(() => {
  const root = document.documentElement;
  root.classList.add("script");

  // --- theme: as the system has it, until someone says otherwise
  const theme = document.getElementById("theme");
  const dark = () => {
    const set = root.dataset.theme;
    return set ? set === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  };
  const show = () => theme.setAttribute("aria-pressed", String(dark()));
  theme.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    show();
    document.dispatchEvent(new Event("themechange"));
  });
  show();
  // Paper is light: what a script has drawn must be drawn again, and afterwards as it was.
  let before;
  const print = (set) => {
    if (set) root.dataset.theme = set;
    else delete root.dataset.theme;
    document.dispatchEvent(new Event("themechange"));
  };
  addEventListener("beforeprint", () => {
    before = root.dataset.theme;
    print("light");
  });
  addEventListener("afterprint", () => print(before));

  // --- order of rows: first click the larger (or the earlier letter) first, then the other way, then as it was
  const value = (cell) => {
    const text = (cell.dataset.value ?? cell.textContent).trim();
    const number = parseFloat(text);
    return text === "–" || text === "" ? null : Number.isNaN(number) || cell.tagName === "TH" ? text : number;
  };
  const compare = (a, b) => {
    if (a === null || b === null) return (a === null) - (b === null);
    if (typeof a === "number" && typeof b === "number") return b - a;
    return String(a).localeCompare(String(b), undefined, { numeric: true });
  };
  for (const table of document.querySelectorAll("table.sortable, table.matrix:not(.live)")) {
    const body = table.tBodies[0];
    const given = [...body.rows];
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const column = [...table.tHead.rows[0].cells].indexOf(head);
        const before = head.getAttribute("aria-sort");
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        let rows = given;
        if (before !== "ascending") {
          const up = before === "descending" ? -1 : 1;
          rows = [...given].sort((a, b) => {
            const [x, y] = [value(a.cells[column]), value(b.cells[column])];
            return x === null || y === null ? compare(x, y) : up * compare(x, y);
          });
          head.setAttribute("aria-sort", before === "descending" ? "ascending" : "descending");
        }
        body.append(...rows);
      });
    });
  }

  // --- saving figures: a copy with the styles of this moment, as SVG or drawn at twice its size
  const styles = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity", "opacity",
    "font-family", "font-size", "font-weight", "text-anchor"];
  const standalone = (svg) => {
    const copy = svg.cloneNode(true);
    const [from, to] = [[svg, ...svg.querySelectorAll("*")], [copy, ...copy.querySelectorAll("*")]];
    from.forEach((element, i) => {
      const computed = getComputedStyle(element);
      to[i].setAttribute("style", styles.map((s) => `${s}:${computed.getPropertyValue(s)}`).join(";"));
    });
    const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
    copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    copy.setAttribute("width", width);
    copy.setAttribute("height", height);
    const ground = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    ground.setAttribute("width", width);
    ground.setAttribute("height", height);
    ground.setAttribute("fill", getComputedStyle(document.body).backgroundColor);
    copy.prepend(ground);
    return { text: new XMLSerializer().serializeToString(copy), width, height };
  };
  const save = (blob, name) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  const png = (svg, done) => {
    const { text, width, height } = standalone(svg);
    const image = new Image();
    image.onload = () => {
      const canvas = document.createElement("canvas");
      canvas.width = 2 * width;
      canvas.height = 2 * height;
      const context = canvas.getContext("2d");
      context.scale(2, 2);
      context.drawImage(image, 0, 0);
      canvas.toBlob(done, "image/png");
    };
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  };
  const button = (said, label, act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = said;
    made.setAttribute("aria-label", label);
    made.addEventListener("click", act);
    return made;
  };
  // Called for figures here and for the matrix in its own part.
  window.lossmithExport = (place, name, source) => {
    const svg = () => source();
    place.append(
      button("SVG", `Save ${name} as SVG`, () =>
        save(new Blob([standalone(svg()).text], { type: "image/svg+xml" }), `${name}.svg`)),
      button("PNG", `Save ${name} as PNG`, () => png(svg(), (blob) => save(blob, `${name}.png`))),
    );
  };
  window.lossmithSave = save;
  window.lossmithButton = button;
  for (const figure of document.querySelectorAll("figure.chart")) {
    const place = document.createElement("span");
    place.className = "export";
    figure.querySelector("figcaption").append(place);
    window.lossmithExport(place, figure.dataset.name, () => figure.querySelector("svg"));
  }
})();
