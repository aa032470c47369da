"use strict";
// Draws the figures of the page from the JSON that stands in it. Colours are names ("role:chosen") until here, so that
// light, dark and print each get their own.
(() => {
  const shared = JSON.parse(document.getElementById("shared").textContent);
  const plots = [...document.querySelectorAll(".plot")].map((element) => ({
    element,
    source: element.querySelector(".plot-data").textContent,
    figure: element.closest("figure"),
  }));
  const config = { responsive: true, displaylogo: false, displayModeBar: false };

  function colourOf(text, styles) {
    const [, role, soft] = text.split(":");
    const colour = styles.getPropertyValue("--" + role).trim();
    if (soft !== "soft" || colour.length !== 7) return colour || "#888888";
    const parts = [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
    return `rgba(${parts.join(",")},0.16)`;
  }

  function resolve(value, styles) {
    if (typeof value === "string") return /^role:[a-z]+[0-9]?(:soft)?$/.test(value) ? colourOf(value, styles) : value;
    if (Array.isArray(value)) return value.map((inner) => resolve(inner, styles));
    if (value && typeof value === "object") {
      if (typeof value.shared === "number") return shared[value.shared];
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, resolve(inner, styles)]));
    }
    return value;
  }

  function dressed(plot) {
    const styles = getComputedStyle(document.documentElement);
    const colour = (role) => styles.getPropertyValue("--" + role).trim();
    const { data, layout } = resolve(JSON.parse(plot.source), styles);
    const narrow = plot.element.clientWidth < 480;
    for (const [name, axis] of Object.entries(layout)) {
      if (!/^[xy]axis/.test(name)) continue;
      Object.assign(axis, { gridcolor: colour("grid"), linecolor: colour("grid"), zerolinecolor: colour("grid"), tickcolor: colour("grid") });
      axis.automargin = true;
      if (axis.title) axis.title = { ...axis.title, font: { size: 12, color: colour("faint") }, standoff: 8 };
      if (axis.type === "category" && name[0] === "y") axis.tickfont = { size: narrow ? 10 : 12 };
      if (narrow && name[0] === "x") axis.nticks = 5;
    }
    const legend = layout.showlegend;
    Object.assign(layout, {
      font: { family: styles.getPropertyValue("--sans"), size: narrow ? 11 : 12, color: colour("ink") },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      hoverlabel: { bgcolor: colour("paper"), bordercolor: colour("faint"), font: { color: colour("ink"), size: 12 } },
      legend: { orientation: "h", x: 0, y: 1.01, yanchor: "bottom", font: { size: narrow ? 11 : 12 } },
      margin: { l: narrow ? 40 : 56, r: 12, t: layout.title ? (legend ? 62 : 36) : legend ? 48 : 20, b: 44 },
      dragmode: narrow ? false : "zoom",
      bargap: 0.25,
    });
    if (layout.title) layout.title = { ...layout.title, font: { size: 13, color: colour("ink") }, x: 0.02, xanchor: "left", y: 1, yanchor: "top", pad: { t: 8 }, yref: "container" };
    return { data, layout };
  }

  function draw(plot) {
    const { data, layout } = dressed(plot);
    plot.log && (layout.yaxis.type = "log");
    plot.range && (layout.xaxis.range = plot.range);
    Plotly.react(plot.target, data, layout, config);
  }

  function button(text, pressed, act) {
    const element = document.createElement("button");
    element.type = "button";
    element.textContent = text;
    element.setAttribute("aria-pressed", String(pressed));
    element.addEventListener("click", () => act(element));
    return element;
  }

  function addTools(plot) {
    const tools = plot.figure.querySelector(".tools");
    if (plot.figure.dataset.span === "yes") {
      const stamps = resolve(JSON.parse(plot.source).data[0].x, null);
      const last = stamps[stamps.length - 1];
      const days = (Date.parse(last.slice(0, 10)) - Date.parse(stamps[0].slice(0, 10))) / 864e5;
      const group = document.createElement("span");
      group.className = "group";
      group.setAttribute("role", "group");
      group.setAttribute("aria-label", "Span");
      const choose = (chosen, range) => {
        for (const other of group.children) other.setAttribute("aria-pressed", String(other === chosen));
        plot.range = range;
        draw(plot);
      };
      group.append(button("All", true, (self) => choose(self, null)));
      for (const [name, length] of [["3 years", 1096], ["1 year", 366], ["3 months", 92], ["1 month", 31], ["1 week", 7]]) {
        if (length * 1.2 > days || group.children.length > 4) continue;
        const first = new Date(Date.parse(last.slice(0, 10)) - length * 864e5).toISOString().slice(0, 10);
        group.append(button(name, false, (self) => choose(self, [first, last])));
      }
      if (group.children.length > 1) tools.append(group);
    }
    if (plot.figure.dataset.log === "yes") {
      tools.append(button("Log scale", false, (self) => {
        plot.log = !plot.log;
        self.setAttribute("aria-pressed", String(plot.log));
        draw(plot);
      }));
    }
    if (JSON.parse(plot.source).data.some((trace) => trace.visible === "legendonly")) {
      const hint = document.createElement("span");
      hint.className = "hint";
      hint.textContent = matchMedia("(pointer: coarse)").matches
        ? "Tap a name below to show or hide it."
        : "Click a name below to show or hide it; drag to zoom, double-click to go back.";
      tools.append(hint);
    }
    tools.hidden = !tools.children.length;
  }

  for (const plot of plots) {
    plot.target = document.createElement("div");
    plot.element.append(plot.target);
    if (plot.element.parentElement.children.length === 1) addTools(plot);
    draw(plot);
  }
  const redraw = () => plots.forEach(draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  let width = innerWidth;
  addEventListener("resize", () => {
    // A phone that is turned changes between narrow and wide; a scrolled address bar changes nothing.
    if (Math.abs(innerWidth - width) > 100) { width = innerWidth; redraw(); }
  });
  const folded = [...document.querySelectorAll("details.folded:not([open])")];
  addEventListener("beforeprint", () => {
    document.documentElement.setAttribute("data-print", "");
    folded.forEach((one) => { one.dataset.was = one.open ? "open" : ""; });
    plots.forEach((plot) => {
      const { data, layout } = dressed(plot);
      plot.log && (layout.yaxis.type = "log");
      layout.width = Math.floor(660 / Math.min(plot.element.parentElement.children.length, 3)) - 6;
      layout.autosize = false;
      Plotly.react(plot.target, data, layout, config);
    });
  });
  addEventListener("afterprint", () => {
    document.documentElement.removeAttribute("data-print");
    redraw();
  });
  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      links.forEach((link) => link.removeAttribute("aria-current"));
      links.get(entry.target.id)?.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-10% 0px -80% 0px" });
  links.forEach((_, id) => seen.observe(document.getElementById(id)));
  if (innerWidth < 1080) document.querySelector("nav details").open = false;
})();
