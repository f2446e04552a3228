// Parallel coordinates on a canvas: a line a trial, axes that can be brushed.
import { ticks } from "./chart.js";
import { button, h } from "./dom.js";
import { colour, fonts } from "./palette.js";
import { marks, put } from "./sweep_scale.js";
import { t } from "./texts.js";

const M = { top: 34, bottom: 16, side: 44 };

/** @param {{onpick: (trial: number) => void}} options */
// As much of a text as fits.
function shortened(pen, text, most) {
  if (pen.measureText(text).width <= most) return text;
  let kept = text;
  while (kept && pen.measureText(`${kept}…`).width > most) kept = kept.slice(0, -1);
  return `${kept}…`;
}

export function parallel({ onpick }) {
  const canvas = h("canvas", { class: "chart parallel", role: "img", "aria-label": t("lines") });
  const clear = button(
    null,
    t("clearBrush"),
    () => {
      brushes = new Map();
      draw();
    },
    { kind: "small quiet" },
  );
  const node = h(
    "figure",
    { class: "plot" },
    h("figcaption", {}, h("b", {}, t("lines")), clear),
    h("p", { class: "lead" }, t("linesLead")),
    h("div", { class: "scroll" }, canvas),
  );
  let study = null;
  let axes = [];
  let brushes = new Map();
  let chosen = null;
  let dragging = null;

  function arrange() {
    const columns = study.axes.slice(0, 8).map((axis) => {
      const many = axis.choices.length > 0;
      const place = (v) => (v === null || v === undefined ? null : axis.log && !many ? Math.log10(v) : v);
      const ends = many ? [-0.4, axis.choices.length - 0.6] : axis.ends.map(place);
      const marks_ = many
        ? axis.choices.map((one, i) => [i, one])
        : axis.log
          ? (marks("log", ...ends, 4) ?? [])
          : ticks(...ends, 4).map((one) => [one, String(one)]);
      return { label: axis.label, ends, marks: marks_, at: (i) => place(axis.values[i]), spread: many };
    });
    const kind = study.scale;
    const [low, high] = study.window ?? [0, 1];
    columns.push({
      label: study.metric,
      ends: [low, high],
      marks: marks(kind, low, high, 4) ?? ticks(low, high, 4).map((one) => [one, String(one)]),
      at: (i) => (study.trials.value[i] === null ? null : Math.max(low, Math.min(high, put(kind, study.trials.value[i])))),
    });
    axes = columns;
  }

  const geometry = () => {
    const [wide, high] = [canvas.clientWidth, canvas.clientHeight];
    return {
      wide,
      high,
      x: (k) => M.side + (k / Math.max(1, axes.length - 1)) * (wide - 2 * M.side),
      y: (k, v) => high - M.bottom - ((v - axes[k].ends[0]) / (axes[k].ends[1] - axes[k].ends[0] || 1)) * (high - M.top - M.bottom),
    };
  };

  function draw() {
    if (!study || !canvas.clientWidth || !axes.length) return;
    const scale = devicePixelRatio || 1;
    const { wide, high, x, y } = geometry();
    canvas.width = wide * scale;
    canvas.height = high * scale;
    const pen = canvas.getContext("2d");
    pen.scale(scale, scale);
    const passes = (i) =>
      [...brushes].every(([k, [low, top]]) => {
        const v = axes[k].at(i);
        return v !== null && v >= low && v <= top;
      });
    const line = (i) => {
      pen.beginPath();
      axes.forEach((axis, k) => {
        const v = axis.at(i);
        if (v === null) return;
        const jitter = axis.spread ? ((Math.imul(study.trials.number[i] + 1, 2654435761) >>> 0) / 2 ** 32 - 0.5) * 0.3 : 0;
        pen[k ? "lineTo" : "moveTo"](x(k), y(k, v + jitter));
      });
      pen.stroke();
    };
    const looks = { 0: ["--faint", 1, 0.35], 1: ["--two", 1.2, 0.6], 2: ["--good", 2.4, 1], 3: ["--one", 2.8, 1] };
    study.lines.trials.forEach((i, at) => {
      const [ink, width, alpha] = looks[study.lines.kind[at]];
      const on = passes(i);
      pen.strokeStyle = colour(on ? ink : "--line");
      pen.lineWidth = width;
      pen.globalAlpha = on ? alpha : 0.25;
      line(i);
    });
    if (chosen !== null) {
      pen.globalAlpha = 1;
      pen.strokeStyle = colour("--ink");
      pen.lineWidth = 3;
      line(chosen);
    }
    pen.globalAlpha = 1;
    pen.font = `11px ${fonts()}`;
    axes.forEach((axis, k) => {
      pen.strokeStyle = colour("--soft");
      pen.lineWidth = 1;
      pen.beginPath();
      pen.moveTo(x(k), M.top);
      pen.lineTo(x(k), high - M.bottom);
      pen.stroke();
      pen.fillStyle = colour("--ink");
      pen.textAlign = k === axes.length - 1 ? "right" : k ? "center" : "left";
      pen.font = `600 11.5px ${fonts()}`;
      pen.fillText(
        shortened(pen, axis.label, (axes.length > 1 ? x(1) - x(0) : wide) * (k % (axes.length - 1) ? 0.95 : 0.6)),
        x(k) + (k === axes.length - 1 ? M.side - 4 : k ? 0 : -M.side + 4),
        14,
      );
      pen.font = `11px ${fonts()}`;
      pen.textAlign = "right";
      for (const [v, text] of axis.marks) {
        const py = y(k, v);
        if (py < M.top - 2 || py > high - M.bottom + 2) continue;
        pen.lineWidth = 3;
        pen.strokeStyle = colour("--card");
        pen.strokeText(text.slice(0, 9), x(k) - 5, py + 4);
        pen.fillText(text.slice(0, 9), x(k) - 5, py + 4);
      }
      const brush = brushes.get(k);
      if (brush) {
        pen.fillStyle = colour("--brand");
        pen.globalAlpha = 0.35;
        pen.fillRect(x(k) - 6, y(k, brush[1]), 12, y(k, brush[0]) - y(k, brush[1]));
        pen.globalAlpha = 1;
      }
    });
    clear.hidden = !brushes.size;
  }

  const under = (event) => {
    const { x } = geometry();
    return axes.findIndex((_, k) => Math.abs(x(k) - event.offsetX) < 16);
  };
  const value = (k, py) => {
    const { high } = geometry();
    return axes[k].ends[0] + ((high - M.bottom - py) / (high - M.top - M.bottom)) * (axes[k].ends[1] - axes[k].ends[0]);
  };
  canvas.addEventListener("pointerdown", (event) => {
    const k = under(event);
    if (k < 0) {
      pickLine(event);
      return;
    }
    canvas.setPointerCapture(event.pointerId);
    dragging = [k, event.offsetY];
    brushes.delete(k);
  });
  canvas.addEventListener("pointermove", (event) => {
    canvas.style.cursor = under(event) >= 0 ? "ns-resize" : "pointer";
    if (!dragging) return;
    const [k, from] = dragging;
    const ends = [value(k, from), value(k, event.offsetY)].sort((a, b) => a - b);
    if (Math.abs(from - event.offsetY) > 3) brushes.set(k, ends);
    draw();
  });
  canvas.addEventListener("pointerup", () => {
    dragging = null;
    draw();
  });

  function pickLine(event) {
    const { x, y } = geometry();
    let best = null;
    let close = 8;
    for (const i of study.lines.trials) {
      for (let k = 0; k < axes.length - 1; k++) {
        if (event.offsetX < x(k) || event.offsetX > x(k + 1)) continue;
        const [a, b] = [axes[k].at(i), axes[k + 1].at(i)];
        if (a === null || b === null) continue;
        const part = (event.offsetX - x(k)) / (x(k + 1) - x(k));
        const d = Math.abs(y(k, a) + (y(k + 1, b) - y(k, a)) * part - event.offsetY);
        if (d < close) {
          close = d;
          best = i;
        }
      }
    }
    if (best !== null) onpick(best);
  }
  const seen = new ResizeObserver(draw);
  seen.observe(canvas);
  addEventListener("theme", draw);
  return {
    node,
    put(next, at) {
      study = next;
      chosen = at;
      arrange();
      canvas.style.minWidth = `${axes.length * 84}px`;
      draw();
    },
    end() {
      seen.disconnect();
      removeEventListener("theme", draw);
    },
  };
}
