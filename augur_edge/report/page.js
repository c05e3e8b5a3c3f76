"use strict";
(() => {
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const plots = figures.map((_, i) => document.getElementById("p" + i));
  const wantsDark = matchMedia("(prefers-color-scheme: dark)");

  function colours() {
    const style = getComputedStyle(root);
    const of = (name) => style.getPropertyValue(name).trim();
    return { ink: of("--ink"), line: of("--line"), paper: of("--paper"), series: of("--series").split(/,\s*/) };
  }

  function layoutOf(figure, c) {
    const layout = structuredClone(figure.layout);
    Object.assign(layout, {
      paper_bgcolor: c.paper, plot_bgcolor: c.paper, font: { color: c.ink, family: "system-ui, sans-serif" },
      colorway: c.series, margin: { l: 60, r: 20, t: 44, b: 50, ...layout.margin },
      hoverlabel: { align: "left", namelength: -1 }, legend: { orientation: "h", y: 1.08, ...layout.legend },
    });
    for (const name of Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key))) {
      Object.assign(layout[name], { gridcolor: c.line, zerolinecolor: c.line, linecolor: c.line });
    }
    for (const shape of layout.shapes || []) shape.line = { color: c.ink, dash: "dot", width: 1 };
    return layout;
  }

  function tracesOf(figure, c) {
    return figure.traces.map(({ series, ...trace }) => {
      if (series === undefined) return trace;
      const colour = c.series[series % c.series.length];
      return { ...trace, marker: { ...trace.marker, color: colour }, line: { ...trace.line, color: colour } };
    });
  }

  async function draw(i) {
    const c = colours();
    const config = { responsive: true, displaylogo: false, scrollZoom: false, plotGlPixelRatio: 1,
      modeBarButtonsToRemove: figures[i].layout.dragmode === "select" ? [] : ["select2d", "lasso2d"] };
    await Plotly.react(plots[i], tracesOf(figures[i], c), layoutOf(figures[i], c), config);
    plots[i].dataset.drawn = "yes";
    const list = document.getElementById("b" + i);
    if (list && !list.dataset.bound) {
      list.dataset.bound = "yes";
      const idle = list.textContent;
      plots[i].on("plotly_selected", (event) => {
        const names = event ? event.points.map((point) => point.customdata) : [];
        list.textContent = names.length ? names.length + " chosen: " + names.join(", ") : idle;
      });
      plots[i].on("plotly_deselect", () => { list.textContent = idle; });
    }
  }

  async function drawAll() {
    for (let i = 0; i < plots.length; i += 1) {
      await draw(i);
      if (i === 0) root.dataset.firstDrawn = String(Math.round(performance.now()));
      await new Promise((done) => setTimeout(done, 0)); // the page answers in between
    }
    root.dataset.drawn = String(plots.length);
  }

  function setTheme(dark) {
    root.dataset.theme = dark ? "dark" : "light";
    button.setAttribute("aria-pressed", String(dark));
  }

  button.addEventListener("click", () => { setTheme(root.dataset.theme !== "dark"); drawAll(); });
  wantsDark.addEventListener("change", () => { setTheme(wantsDark.matches); drawAll(); });
  let before = null; // paper is light
  addEventListener("beforeprint", () => {
    before = root.dataset.theme;
    setTheme(false);
    const c = colours();
    plots.forEach((plot, i) => Plotly.relayout(plot, layoutOf(figures[i], c)));
  });
  addEventListener("afterprint", () => { setTheme(before === "dark"); drawAll(); });
  setTheme(wantsDark.matches);
  drawAll();
})();
