// The pictures of the Test screen: whether the probabilities hold, and how much the network stands.
import { h, s } from "./dom.js";
import { ramp } from "./planes.js";
import { count, known, percent, t } from "./texts.js";

// A ground of a colour table, and letters that can be read on it.
function shaded(table, level) {
  const k = Math.round(level) * 3;
  const light = 0.299 * table[k] + 0.587 * table[k + 1] + 0.114 * table[k + 2];
  return { background: `rgb(${table[k]},${table[k + 1]},${table[k + 2]})`, color: light > 140 ? "#1d1b18" : "#fff" };
}

/** A reliability diagram. @param {{bins: {low: number, high: number, mean: number|null, right: number|null, n: number}[]}} calibration */
export function confidenceChart(calibration) {
  const [wide, high, left, bottom, top] = [360, 250, 42, 34, 8];
  const x = (v) => left + v * (wide - left - 8);
  const y = (v) => high - bottom - v * (high - bottom - top);
  const bins = calibration.bins.filter((one) => one.n);
  const most = Math.max(1, ...bins.map((one) => one.n));
  const told = bins.map((one) => `${percent(one.mean, 0)}: ${percent(one.right, 0)} (${one.n})`).join(", ");
  return s(
    "svg",
    { viewBox: `0 0 ${wide} ${high}`, class: "reliability", role: "img", "aria-label": `${t("calibration")}. ${told}` },
    [0, 0.25, 0.5, 0.75, 1].map((v) => [
      s("line", { x1: x(0), x2: x(1), y1: y(v), y2: y(v), class: "gridline" }),
      s("text", { x: left - 6, y: y(v) + 4, "text-anchor": "end" }, `${100 * v} %`),
      s("text", { x: x(v), y: high - bottom + 15, "text-anchor": v === 1 ? "end" : "middle" }, `${100 * v} %`),
    ]),
    s("text", { x: x(0.5), y: high - 4, "text-anchor": "middle" }, `${t("confidence")} →`),
    s("text", { x: left + 6, y: top + 10 }, `↑ ${t("rightShare")}`),
    bins.map((one) => {
      const width = Math.max(5, (x(one.high) - x(one.low)) * 0.86);
      return s(
        "rect",
        {
          x: (x(one.low) + x(one.high)) / 2 - width / 2,
          y: y(one.right),
          width,
          height: Math.max(1, y(0) - y(one.right)),
          class: "bin",
          "fill-opacity": 0.25 + 0.75 * Math.sqrt(one.n / most),
        },
        s("title", {}, `${t("confidence")} ${percent(one.mean, 1)}, ${t("rightShare")} ${percent(one.right, 1)}, n = ${one.n}`),
      );
    }),
    s("line", { x1: x(0), y1: y(0), x2: x(1), y2: y(1), class: "ideal" }),
  );
}

/** Accuracy under each corruption, from weak to strong. @param {{clean: number, mean: number, corruptions: Object<string, {unit: string, strengths: number[], accuracy: number[]}>}} found */
export function corruptionTable(found) {
  const table = ramp("heat");
  const look = (value) => shaded(table, Math.max(0, Math.min(1, value)) ** 2 * 215);
  const rows = Object.entries(found.corruptions).map(([name, one]) => ({
    ...one,
    title: known(`C_${name}`) ? t(`C_${name}`) : name,
    unit: known(`U_${name}`) ? t(`U_${name}`) : one.unit,
  }));
  const most = Math.max(...rows.map((one) => one.accuracy.length));
  return h(
    "div",
    { class: "scroll" },
    found.n ? h("p", { class: "soft small" }, t("robustRows", count(found.n))) : null,
    h(
      "table",
      { class: "heat endured" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", {}, t("strength")),
          Array.from({ length: most }, (_, i) => h("th", { scope: "col" }, String(i + 1))),
        ),
      ),
      h(
        "tbody",
        {},
        h("tr", {}, h("th", { scope: "row" }, t("clean")), h("td", { colSpan: most, style: look(found.clean) }, percent(found.clean, 1))),
        rows.map((one) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, one.title, h("small", {}, one.unit)),
            one.accuracy.map((value, i) => h("td", { style: look(value) }, percent(value, 0), h("small", {}, String(one.strengths[i])))),
          ),
        ),
      ),
    ),
  );
}

/** What was taken for what; a cell can be chosen. @param {any} found @param {[number, number]|null} chosen @param {(cell: [number, number]) => void} onpick */
export function confusionTable(found, chosen, onpick) {
  const { confusion: table, classes: names } = found;
  const few = names.length <= 12;
  const most = Math.max(1, ...table.flatMap((row, i) => row.filter((_, j) => i !== j)));
  const right = Math.max(1, ...table.map((row, i) => row[i]));
  const [heat, wrong] = [ramp("heat"), ramp("two")];
  const look = (n, i, j) => {
    if (!n) return {};
    const [colours, level] = i === j ? [heat, 90 + 110 * (n / right)] : [wrong, 103 - 95 * Math.sqrt(n / most)];
    return shaded(colours, level);
  };
  const cell = (n, i, j) =>
    h(
      "td",
      {},
      h(
        "button",
        {
          type: "button",
          class: chosen?.[0] === i && chosen?.[1] === j ? "chosen" : "",
          style: look(n, i, j),
          "aria-label": `${i === j ? t("cellRight", names[i]) : t("cellTitle", names[i], names[j])}: ${n}`,
          data: { cell: `${i},${j}` },
          onclick: () => onpick([i, j]),
        },
        few || n ? String(n) : "",
      ),
    );
  const head = h(
    "tr",
    {},
    h("td", { class: "corner" }, `${t("truth")} ↓ · ${t("saidWord")} →`),
    names.map((one) => h("th", { scope: "col", title: one }, h("span", {}, one))),
  );
  const rows = table.map((row, i) =>
    h(
      "tr",
      {},
      h("th", { scope: "row", title: names[i] }, names[i]),
      row.map((n, j) => cell(n, i, j)),
    ),
  );
  return h(
    "div",
    { class: "scroll" },
    h("table", { class: `confusion${few ? "" : " dense"}${names.some((one) => one.length > 5) ? " long" : ""}` }, h("thead", {}, head), h("tbody", {}, rows)),
  );
}

/** Precision, recall and F1 of each class. */
export function classTable(found) {
  const head = ["", t("precision"), t("recall"), "F1"].map((one) => h("th", { scope: "col" }, one));
  const meter = (value) => h("td", {}, h("span", { class: "meter", style: { "--part": `${100 * (value ?? 0)}%` } }, percent(value, 1)));
  const rows = found.per_class.map((one, i) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, found.classes[i]),
      ["precision", "recall", "f1"].map((key) => meter(one[key])),
    ),
  );
  return h("div", { class: "scroll" }, h("table", { class: "finals" }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows)));
}
