// The pictures of the Test screen: whether the probabilities hold, and how much the network stands.
import { h, s } from "./dom.js";
import { ramp } from "./planes.js";
import { known, percent, t } from "./texts.js";

/** A reliability diagram. @param {{bins: {low: number, high: number, mean: number|null, right: number|null, n: number}[]}} calibration */
export function confidenceChart(calibration) {
  const [wide, high, left, bottom, top] = [360, 250, 42, 34, 8];
  const x = (v) => left + v * (wide - left - 8);
  const y = (v) => high - bottom - v * (high - bottom - top);
  const bins = calibration.bins.filter((one) => one.n);
  const most = Math.max(1, ...bins.map((one) => one.n));
  const told = bins.map((one) => `${percent(one.mean, 0)}: ${percent(one.right, 0)} (${one.n})`).join(", ");
  return s("svg", { viewBox: `0 0 ${wide} ${high}`, class: "reliability", role: "img", "aria-label": `${t("calibration")}. ${told}` },
    [0, 0.25, 0.5, 0.75, 1].map((v) => [s("line", { x1: x(0), x2: x(1), y1: y(v), y2: y(v), class: "gridline" }), s("text", { x: left - 6, y: y(v) + 4, "text-anchor": "end" }, `${100 * v} %`), s("text", { x: x(v), y: high - bottom + 15, "text-anchor": v === 1 ? "end" : "middle" }, `${100 * v} %`)]),
    s("text", { x: x(0.5), y: high - 4, "text-anchor": "middle" }, `${t("confidence")} →`), s("text", { x: left + 6, y: top + 10 }, `↑ ${t("rightShare")}`),
    bins.map((one) => {
      const width = Math.max(5, (x(one.high) - x(one.low)) * 0.86);
      return s("rect", { x: (x(one.low) + x(one.high)) / 2 - width / 2, y: y(one.right), width, height: Math.max(1, y(0) - y(one.right)), class: "bin", "fill-opacity": 0.25 + 0.75 * Math.sqrt(one.n / most) }, s("title", {}, `${t("confidence")} ${percent(one.mean, 1)}, ${t("rightShare")} ${percent(one.right, 1)}, n = ${one.n}`));
    }), s("line", { x1: x(0), y1: y(0), x2: x(1), y2: y(1), class: "ideal" }));
}

/** Accuracy under each corruption, from weak to strong. @param {{clean: number, mean: number, corruptions: Object<string, {unit: string, strengths: number[], accuracy: number[]}>}} found */
export function corruptionTable(found) {
  const table = ramp("heat");
  const look = (value) => {
    const k = Math.round(Math.max(0, Math.min(1, value)) ** 2 * 215) * 3;
    return { background: `rgb(${table[k]},${table[k + 1]},${table[k + 2]})`, color: 0.299 * table[k] + 0.587 * table[k + 1] + 0.114 * table[k + 2] > 140 ? "#1d1b18" : "#fff" };
  };
  const rows = Object.entries(found.corruptions).map(([name, one]) => ({ title: known(`C_${name}`) ? t(`C_${name}`) : name, ...one }));
  const most = Math.max(...rows.map((one) => one.accuracy.length));
  return h("div", { class: "scroll" }, h("table", { class: "heat endured" }, h("thead", {}, h("tr", {}, h("th", {}, t("strength")), Array.from({ length: most }, (_, i) => h("th", { scope: "col" }, String(i + 1))))),
    h("tbody", {}, h("tr", {}, h("th", { scope: "row" }, t("clean")), h("td", { colSpan: most, style: look(found.clean) }, percent(found.clean, 1))),
      rows.map((one) => h("tr", {}, h("th", { scope: "row" }, one.title), one.accuracy.map((value, i) => h("td", { style: look(value), title: `${one.strengths[i]} ${one.unit}` }, percent(value, 0))))))));
}
