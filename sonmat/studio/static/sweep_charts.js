// The pictures of a study: curves that fade, trials as they came, pairs of settings, what matters.
import { LineChart, ticks } from "./chart.js";
import { h } from "./dom.js";
import { colour, fonts } from "./palette.js";
import { ramp } from "./planes.js";
import { marks, put, settingText, told } from "./sweep_scale.js";
import { number, percent, t } from "./texts.js";

/** A result as the study has it: a share as a percentage. */
export const worth = (study, value, digits = 2) => (study.percent ? percent(value, digits) : number(value, 4));
/** Texts of the server's with the settings called as they are on the page. */
const inWords = (study, text) => study.axes.reduce((all, axis) => all.replaceAll(axis.written, axis.label), text);

/** Curves of trials: strong ones went to the end, those stopped early are pale. */
export function fanChart() {
  let kind = "linear";
  const chart = new LineChart({
    title: t("fan"),
    x: t("epoch"),
    first: 1,
    shown: (v) => told(kind, v),
    told: (v) => told(kind, v),
    marks: (low, high, n) => marks(kind, low, high, n),
  });
  return {
    node: chart.node,
    end: () => chart.end(),
    put(study) {
      const { curves, scale } = study.fan;
      kind = scale ?? "linear";
      const ended = curves.filter((one) => study.trials.state[one.trial] === "d");
      const rank = new Map(ended.map((one, i) => [one.trial, ended.length > 1 ? i / (ended.length - 1) : 1]));
      const series = curves
        .map((one) => {
          const done = study.trials.state[one.trial] === "d";
          const best = one.trial === study.best;
          return {
            name: t("trialNo", study.trials.number[one.trial]),
            x: one.epochs,
            y: one.values.map((v) => put(kind, v)),
            faint: !best,
            colour: best ? "--one" : done ? "--two" : "--faint",
            width: best ? 2.8 : done ? 1.4 : 1,
            alpha: best ? 1 : done ? 0.35 + 0.55 * (rank.get(one.trial) ?? 0) : 0.28,
            order: best ? 2 : done ? 1 : 0,
          };
        })
        .sort((a, b) => a.order - b.order);
      const group = (colour_, text) => {
        const one = series.find((x) => x.colour === colour_);
        if (one) one.group = text;
      };
      group("--faint", t(study.going ? "heldBack" : "stoppedEarly"));
      group("--two", t("toTheEnd"));
      group("--one", t(study.going ? "bestSoFar" : "bestWord"));
      chart.set(series, { text: `${series.length}` });
    },
  };
}

/** Trials as dots in the order they came, and the best until then as a line. */
export function historyChart({ onpick }) {
  const canvas = h("canvas", { class: "chart", role: "img", tabIndex: 0, "aria-label": t("history") });
  const tip = h("div", { class: "tip", hidden: true });
  const node = h(
    "figure",
    { class: "plot" },
    h(
      "figcaption",
      {},
      h("b", {}, t("history")),
      h("span", { class: "key" }, h("span", {}, h("i", { style: { background: "var(--ink)" } }), t("bestSoFar"))),
    ),
    h("div", { class: "hold" }, canvas, tip),
  );
  let study = null;
  let spots = [];
  let chosen = null;
  const M = { left: 52, right: 10, top: 8, bottom: 24 };
  function draw() {
    const { clientWidth: wide, clientHeight: high } = canvas;
    if (!study || !wide) return;
    const scale = devicePixelRatio || 1;
    canvas.width = wide * scale;
    canvas.height = high * scale;
    const pen = canvas.getContext("2d");
    pen.scale(scale, scale);
    const { trials, record, scale: kind } = study;
    const [low, top] = study.window ?? [0, 1];
    const pad = (top - low) * 0.06 || 0.1;
    const [bottom, up] = [low - pad * 2, top + pad];
    const last = Math.max(1, trials.number.at(-1) ?? 1);
    const x = (n) => M.left + (n / last) * (wide - M.left - M.right);
    const y = (v) => high - M.bottom - ((v - bottom) / (up - bottom)) * (high - M.top - M.bottom);
    pen.font = `11px ${fonts()}`;
    pen.strokeStyle = colour("--line");
    pen.fillStyle = colour("--soft");
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    for (const [at, text] of marks(kind, bottom, up, 4) ?? ticks(bottom, up, 4).map((one) => [one, String(one)])) {
      pen.beginPath();
      pen.moveTo(M.left, y(at));
      pen.lineTo(wide - M.right, y(at));
      pen.stroke();
      pen.fillText(text, M.left - 6, y(at));
    }
    pen.textAlign = "center";
    for (const at of ticks(0, last, Math.floor(wide / 90))) if (at % 1 === 0) pen.fillText(String(at), x(at), high - 9);
    const size = trials.number.length > 2000 ? 1.6 : trials.number.length > 300 ? 2.4 : 4;
    spots = trials.number.map((n, i) => [
      x(n),
      trials.state[i] === "f" || trials.value[i] === null
        ? high - M.bottom - 4
        : y(Math.max(bottom + pad * 0.5, put(kind, trials.value[i]))),
    ]);
    for (const [state, paint, alpha] of [
      ["f", "--bad", 0.6],
      ["s", "--faint", 0.6],
      ["d", "--two", 0.85],
    ]) {
      pen.fillStyle = colour(paint);
      pen.globalAlpha = alpha;
      pen.beginPath();
      spots.forEach(([px, py], i) => {
        if (trials.state[i] === state) {
          pen.moveTo(px + size, py);
          pen.arc(px, py, size, 0, 7);
        }
      });
      pen.fill();
    }
    pen.globalAlpha = 1;
    if (record.number.length) {
      pen.strokeStyle = colour("--ink");
      pen.lineWidth = 1.6;
      pen.beginPath();
      record.number.forEach((n, i) => {
        const py = y(put(kind, record.value[i]));
        if (i) pen.lineTo(x(n), y(put(kind, record.value[i - 1])));
        pen[i ? "lineTo" : "moveTo"](x(n), py);
      });
      pen.lineTo(x(last), y(put(kind, record.value.at(-1))));
      pen.stroke();
    }
    for (const [i, paint] of [
      [study.best, "--one"],
      [chosen, "--ink"],
    ])
      if (i !== null && spots[i]) {
        pen.strokeStyle = colour(paint);
        pen.lineWidth = 2.5;
        pen.beginPath();
        pen.arc(...spots[i], size + 3.5, 0, 7);
        pen.stroke();
      }
  }
  const nearest = (event) => {
    let best = null;
    let close = 400;
    spots.forEach(([x, y], i) => {
      const d = (x - event.offsetX) ** 2 + (y - event.offsetY) ** 2;
      if (d < close) {
        close = d;
        best = i;
      }
    });
    return best;
  };
  canvas.addEventListener("pointermove", (event) => {
    const i = nearest(event);
    tip.hidden = i === null;
    canvas.style.cursor = i === null ? "" : "pointer";
    if (i === null) return;
    tip.replaceChildren(
      h("b", {}, t("trialNo", study.trials.number[i])),
      ` ${worth(study, study.trials.value[i])}`,
      ...study.axes.slice(0, 6).map((axis) => h("div", {}, `${axis.label} ${settingText(axis, i)}`)),
    );
    tip.style.left = spots[i][0] > canvas.clientWidth / 2 ? "auto" : `${spots[i][0] + 12}px`;
    tip.style.right = spots[i][0] > canvas.clientWidth / 2 ? `${canvas.clientWidth - spots[i][0] + 12}px` : "auto";
  });
  canvas.addEventListener("pointerleave", () => {
    tip.hidden = true;
  });
  canvas.addEventListener("click", (event) => {
    const i = nearest(event);
    if (i !== null) onpick(i);
  });
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step && study) {
      event.preventDefault();
      onpick(Math.max(0, Math.min(spots.length - 1, (chosen ?? study.best ?? 0) + step)));
    }
  });
  const seen = new ResizeObserver(draw);
  seen.observe(canvas);
  addEventListener("theme", draw);
  return {
    node,
    put(next, at) {
      study = next;
      chosen = at;
      draw();
    },
    end() {
      seen.disconnect();
      removeEventListener("theme", draw);
    },
  };
}

/** A pair of settings as cells, the best value of each. */
export function heatmap(study, which, onpair) {
  const pair = study.pairs[which] ?? study.pairs[0];
  if (!pair) return h("p", { class: "soft small" }, t("needsTwo"));
  const table = ramp("heat");
  const ink = (level) => {
    const i = Math.round(level * 215) * 3;
    const [r, g, b] = [table[i], table[i + 1], table[i + 2]];
    return [`rgb(${r},${g},${b})`, 0.299 * r + 0.587 * g + 0.114 * b > 140 ? "#1d1b18" : "#ffffff"];
  };
  const cell = (row, column) => {
    const value = pair.value[row][column];
    const shade = pair.shade[row][column];
    const [ground, letters] = shade === null ? ["", ""] : ink(shade);
    const best = pair.best && pair.best[0] === row && pair.best[1] === column;
    return h(
      "td",
      {
        class: `${best ? "best" : ""}${pair.partial[row][column] ? " partial" : ""}`,
        style: { background: ground, color: letters },
        title: `${pair.tried[row][column]} ${t("trialsWord")}`,
      },
      value === null ? (pair.tried[row][column] ? "×" : "") : worth(study, value, 1),
    );
  };
  const select =
    study.pairs.length > 1
      ? h(
          "select",
          { "aria-label": t("pairWord"), onchange: (event) => onpair(Number(event.target.value)) },
          study.pairs.map((one, i) => h("option", { value: i, selected: i === which }, inWords(study, `${one.across} × ${one.down}`))),
        )
      : null;
  const partial = pair.partial.some((row) => row.some(Boolean)) ? h("p", { class: "soft small" }, t("partialCells")) : null;
  return h(
    "div",
    {},
    select,
    partial,
    h(
      "div",
      { class: "scroll" },
      h(
        "table",
        { class: "heat" },
        h("caption", { class: "soft small" }, inWords(study, `${pair.along[1]} ↓ · ${pair.along[0]} →`)),
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            h("td", {}),
            pair.names_across.map((one) => h("th", { scope: "col" }, one)),
          ),
        ),
        h(
          "tbody",
          {},
          pair.names_down.map((one, row) =>
            h(
              "tr",
              {},
              h("th", { scope: "row" }, one),
              pair.names_across.map((_, column) => cell(row, column)),
            ),
          ),
        ),
      ),
    ),
  );
}

/** How much each setting decides. */
export function importance(study) {
  if (!study.bars.length) return h("p", { class: "soft small" }, t("fewTrials"));
  const most = Math.max(0.03, ...study.bars.map((one) => one.share));
  return h(
    "div",
    { class: "bars" },
    study.bars.map((one) =>
      h(
        "div",
        { class: `impact${one.clear ? "" : " unclear"}${one.pair ? " pair" : ""}` },
        h("span", {}, one.label),
        h("span", { class: "track" }, h("i", { style: { transform: `scaleX(${Math.max(0, one.share / most)})` } })),
        h("b", {}, one.told),
      ),
    ),
  );
}

/** The finalists over seeds. */
export function finalists(study) {
  if (!study.finalists?.length) return null;
  return h(
    "div",
    { class: "scroll" },
    h(
      "table",
      { class: "finals" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          ["trialWord", "mean", "chance", "settingsWord"].map((key) => h("th", { scope: "col" }, t(key))),
        ),
      ),
      h(
        "tbody",
        {},
        study.finalists.map((one) =>
          h(
            "tr",
            {},
            h("td", {}, String(one.number)),
            h("td", {}, `${worth(study, one.mean)}${one.deviation === null ? "" : ` ± ${worth(study, one.deviation)}`}`),
            h("td", {}, one.chance ?? "–"),
            h("td", {}, inWords(study, one.label)),
          ),
        ),
      ),
    ),
  );
}
