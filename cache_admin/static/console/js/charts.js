// Draws every figure of the page with the theme's colours, and again when the theme changes.
(() => {
  "use strict";
  const COLOUR_PROPERTY = { bar: "marker", scatter: "line" };

  const cssVariable = (name) =>
    getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const themedTrace = (trace) => {
    const colour = cssVariable(`--chart-${trace.meta.tone}`);
    const property = COLOUR_PROPERTY[trace.type];
    return { ...trace, [property]: { ...trace[property], color: colour } };
  };

  const themedAxis = (axis) => ({
    ...axis,
    gridcolor: cssVariable("--chart-grid"),
    zerolinecolor: cssVariable("--chart-grid"),
    linecolor: cssVariable("--border"),
  });

  const themedLayout = (layout) => ({
    ...layout,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: cssVariable("--font"), size: 12, color: cssVariable("--text-muted") },
    hoverlabel: {
      bgcolor: cssVariable("--surface"),
      bordercolor: cssVariable("--border-strong"),
      font: { color: cssVariable("--text") },
    },
    xaxis: themedAxis(layout.xaxis),
    yaxis: themedAxis(layout.yaxis),
  });

  const draw = (element) => {
    const figure = JSON.parse(document.getElementById(element.dataset.figure).textContent);
    return window.Plotly.react(element, figure.data.map(themedTrace), themedLayout(figure.layout), {
      displayModeBar: false,
      responsive: true,
      doubleClick: "reset",
    });
  };

  const drawAll = () => document.querySelectorAll("[data-figure]").forEach(draw);

  // A figure that is swapped out would otherwise go on listening to the window's size.
  document.addEventListener("htmx:beforeSwap", (event) => {
    event.detail.target.querySelectorAll("[data-figure]").forEach(window.Plotly.purge);
  });
  document.addEventListener("themechange", drawAll);
  document.addEventListener("htmx:afterSwap", drawAll);
  drawAll();
})();
