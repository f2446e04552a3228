"use strict";
// What the charts of a study are made of: its data, its scales, colours, ticks and words.
const study = JSON.parse(document.getElementById("study").textContent);
const { trials, words } = study;
const MANY = 1500; // points from which WebGL draws them
const CLOSEST = 1e-5;

// Plotly reads some HTML in its texts; a name is no HTML.
const plain = (value) => String(value).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
const shorter = (value, most) => (value.length > most ? value.slice(0, most - 1) + "…" : value);
const digits = (value) => value === null ? "–" : value === 0 || (Math.abs(value) >= 0.001 && Math.abs(value) < 100)
  ? value.toFixed(4) : value.toPrecision(4);
const spread = (value) => (value >= 0.00005 ? value.toFixed(4) : value.toPrecision(2));
const short = (value) => (value === null ? "–" : String(Number(value.toPrecision(3))));

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const dark = () => matchMedia("(prefers-color-scheme: dark)").matches;
const colours = () => ({
  ink: css("--ink"), soft: css("--soft"), line: css("--line"), ground: css("--ground"), card: css("--card"),
  blue: dark() ? "#5db0ec" : "#0072B2", orange: dark() ? "#ff9a57" : "#D55E00", green: dark() ? "#4fd0a5" : "#009E73",
  pale: dark() ? "#84919d" : "#A9B8C2", star: "#F0E442",
  goodness: dark() ? ["#26333d", "#2c5a75", "#3a86ad", "#6fb9dd", "#d3efff"]
    : ["#DCE8EE", "#9CC7D8", "#4F9FC0", "#1F6E9C", "#123C69"],
});
const shade = (part, list) => { // a colour between the listed ones
  const at = Math.max(0, Math.min(0.9999, part)) * (list.length - 1);
  const [one, two] = [list[Math.floor(at)], list[Math.floor(at) + 1]];
  const mix = [1, 3, 5].map((i) => {
    const [a, b] = [parseInt(one.slice(i, i + 2), 16), parseInt(two.slice(i, i + 2), 16)];
    return Math.round(a + (b - a) * (at - Math.floor(at)));
  });
  return `rgb(${mix.join(",")})`;
};
const goodness = (c) => c.goodness.map((colour, i) => [i / (c.goodness.length - 1), colour]);

// Values stand where the study's scale puts them: as they are, or by how far they are from 1.
const put = (value, kind = study.scale) =>
  value === null ? null : kind === "one" ? -Math.log10(Math.max(1 - value, CLOSEST)) : value;
const placed = (place, kind = study.scale) => (kind === "log" ? 10 ** place : place);

function ticksNearOne(low, high) {
  const found = new Map();
  for (const steps of [[1, 2, 5], [1, 2, 3, 4, 5, 6, 7, 8, 9]]) {
    for (let power = 0; power >= -5; power--) {
      for (const step of steps) {
        const error = step * 10 ** power;
        const at = -Math.log10(error);
        if (error <= 1 && at >= low && at <= high) found.set(at, (1 - error).toFixed(Math.max(0, -power)));
      }
    }
    if (found.size >= 4) break;
  }
  for (let power = 0; power >= -5; power--) for (let step = 9; step >= 1; step--) { // more where the contenders are
    const error = step * 10 ** power;
    const at = -Math.log10(error);
    if (error < 1 && at <= high && at - Math.max(...found.keys()) > 0.09 * (high - low))
      found.set(at, (1 - error).toFixed(-power));
  }
  if (found.size < 3) {
    const [first, last] = [1 - 10 ** -low, 1 - 10 ** -high];
    const power = Math.floor(Math.log10((last - first) / 4));
    const step = [1, 2, 5, 10].map((s) => s * 10 ** power).find((s) => (last - first) / s <= 6);
    found.clear();
    for (let v = Math.ceil(first / step) * step; v <= last && found.size < 9; v += step)
      if (v < 1) found.set(-Math.log10(1 - v), v.toFixed(Math.max(0, -power)));
  }
  const sorted = [...found].sort((a, b) => a[0] - b[0]);
  const every = Math.ceil(sorted.length / 9);
  const kept = sorted.filter((_, i) => i % every === 0);
  return { tickvals: kept.map((t) => t[0]), ticktext: kept.map((t) => t[1]) };
}

function decades(low, high) { // places are powers of ten
  for (const steps of [[1], [1, 3], [1, 2, 5], [1, 2, 3, 4, 5, 6, 7, 8, 9]]) {
    const found = [];
    for (let power = Math.floor(low); power <= high; power++)
      found.push(...steps.map((step) => power + Math.log10(step)).filter((at) => at >= low && at <= high));
    if (found.length > 2) {
      const kept = found.filter((_, i) => i % Math.ceil(found.length / 9) === 0);
      return { tickvals: kept, ticktext: kept.map((at) => short(10 ** at)) };
    }
  }
  return {};
}

const logTicks = (range) => { // Plotly's own are single digits between the decades, which nobody can read
  const { tickvals, ticktext } = decades(...range);
  return tickvals ? { range, tickmode: "array", tickvals: tickvals.map((at) => 10 ** at), ticktext } : { range, nticks: 4 };
};

function valueAxis(kind, view, below = 0, above = 0.05) {
  const length = view[1] - view[0];
  const range = [view[0] - (0.05 + below) * length, view[1] + above * length];
  if (kind === "one") return { range, tickmode: "array", ...ticksNearOne(...range) };
  return kind === "log" ? { range, type: "log", exponentformat: "power" } : { range };
}

const webgl = !!document.createElement("canvas").getContext("webgl");
const best = new Set(study.top);
const every = Math.ceil(trials.number.length / MANY);
const inState = (kind) => Array.from(trials.state, (s, i) => (s === kind ? i : -1))
  .filter((i) => i >= 0 && (webgl || i % every === 0 || best.has(i))); // without WebGL, fewer
const byState = { s: inState("s"), d: inState("d"), f: inState("f") };
const stateName = { s: words.stopped, d: words.done, f: words.failed };
const setting = (axis, i) => axis.values[i] === null ? "–"
  : axis.choices.length ? axis.choices[axis.values[i]] : short(axis.values[i]);
const hover = trials.number.map((number, i) =>
  `<b>${words.trial} ${number}</b> ${digits(trials.value[i])}<br>${stateName[trials.state[i]]}, ` +
  `${trials.epochs[i]} ${words.epochs}<br>` +
  study.axes.slice(0, 8).map((axis) => `${plain(axis.label)} ${plain(shorter(setting(axis, i), 40))}`).join("<br>"));
const below = byState.f.length ? 0.1 : 0;
const failedAt = placed(study.window[0] - 0.1 * (study.window[1] - study.window[0]));
const scattered = trials.number.length > MANY && webgl ? "scattergl" : "scatter";
const jitter = trials.number.map((number) => ((Math.imul(number + 1, 2654435761) >>> 0) / 2 ** 32 - 0.5) * 0.6);

function base(c, more) {
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { family: getComputedStyle(document.body).fontFamily, size: 12.5, color: c.ink },
    margin: { l: 62, r: 16, t: 12, b: 46 }, hovermode: "closest", showlegend: true,
    uirevision: "kept", // a redraw keeps the zoom
    dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom", // a finger scrolls the page
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, itemsizing: "constant" },
    hoverlabel: { bgcolor: c.card, bordercolor: c.soft, font: { color: c.ink }, align: "left" }, ...more,
  };
}
const axisLook = (c, more = {}) => ({ gridcolor: c.line, zeroline: false, linecolor: c.soft, automargin: true, ...more });
const named = (text) => ({ title: { text: plain(text), standoff: 8 } });
const broken = (text) => plain(text).replace(" (", "<br>("); // where one line is longer than the axis

const framed = ([low, high]) => {
  const pad = 0.06 * (high - low) || 0.01 * Math.abs(high) || 0.5;
  return { range: [low - pad, high + pad] };
};
