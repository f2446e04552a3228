// The sliding window, step by step: where it is, what is under it, what it is multiplied with, and where the sum lands.
import { h, button, glyph } from "./dom.js";
import { paint } from "./planes.js";
import { number, t } from "./texts.js";
import { plane as planeOf, valueAt } from "./windows.js";

const SPEEDS = [1, 3, 8, 25, 80]; // places a second

/** @typedef {{input: import("./windows.js").Volume, window: import("./windows.js").Window, kernel: any, bias: number[]|null, activation: string, output: Float32Array|null, filters: number}} Layer */

const short = (value) =>
  value === null
    ? "0"
    : Math.abs(value) < 0.005 && value !== 0
      ? value < 0
        ? "−0.00"
        : "0.00"
      : value.toFixed(Math.abs(value) >= 10 ? 1 : 2).replace("-", "−");

// A plane with a frame that can be moved over it.
function surface(label, onplace) {
  const canvas = h("canvas", { class: "plane" });
  const frame = h("i", { class: "frame" });
  const edge = h("div", { class: "edge", title: t("clickInput") }, canvas, frame);
  const title = h("b", {});
  const note = h("span", { class: "soft small" });
  const node = h(
    "figure",
    { class: "surface" },
    h("figcaption", {}, title, " ", note),
    h("div", { class: "hold", tabIndex: 0, role: "application", "aria-label": label }, edge),
  );
  const hold = node.querySelector(".hold");
  let shape = [1, 1, 0, 0];
  const at = (event) => {
    const box = edge.getBoundingClientRect();
    onplace(
      ((event.clientY - box.top) / box.height) * (shape[0] + 2 * shape[2]) - shape[2],
      ((event.clientX - box.left) / box.width) * (shape[1] + 2 * shape[3]) - shape[3],
    );
  };
  let down = false;
  edge.addEventListener("pointerdown", (event) => {
    down = true;
    edge.setPointerCapture(event.pointerId);
    at(event);
  });
  edge.addEventListener("pointermove", (event) => {
    if (down) at(event);
  });
  edge.addEventListener("pointerup", () => {
    down = false;
  });
  edge.addEventListener("pointercancel", () => {
    down = false;
  });
  return {
    node,
    canvas,
    hold,
    name(text, more) {
      title.textContent = text;
      note.textContent = more;
    },
    // Rows and columns, and how much padding is drawn around them.
    size(rows, columns, padRows = 0, padColumns = 0) {
      shape = [rows, columns, padRows, padColumns];
      const [tall, wide] = [rows + 2 * padRows, columns + 2 * padColumns];
      edge.style.aspectRatio = `${wide} / ${tall}`;
      canvas.style.inset = `${(100 * padRows) / tall}% ${(100 * padColumns) / wide}%`;
      canvas.style.width = `${(100 * columns) / wide}%`;
      canvas.style.height = `${(100 * rows) / tall}%`;
      edge.classList.toggle("padded", padRows + padColumns > 0);
    },
    frame(row, column, high, wide) {
      const [tall, broad] = [shape[0] + 2 * shape[2], shape[1] + 2 * shape[3]];
      Object.assign(frame.style, {
        left: `${(100 * (column + shape[3])) / broad}%`,
        top: `${(100 * (row + shape[2])) / tall}%`,
        width: `${(100 * wide) / broad}%`,
        height: `${(100 * high) / tall}%`,
      });
    },
  };
}

function grid(values, kind, most, label) {
  const large = values.length > 6;
  return h(
    "div",
    {
      class: `grid ${kind}${large ? " tiny" : ""}`,
      role: "img",
      "aria-label": `${label}: ${values.map((row) => row.map(short).join(" ")).join("; ")}`,
      style: { "--columns": values[0].length },
    },
    values.flat().map((value) => {
      const part = Math.min(1, Math.abs(value ?? 0) / (most || 1));
      const ink = value < 0 ? "var(--negative)" : "var(--positive)";
      return h(
        "span",
        {
          class: value === null ? "pad" : "",
          title: value === null ? "0" : String(value),
          style: { background: `color-mix(in srgb, ${ink} ${Math.round(part * 62)}%, var(--card))` },
        },
        large ? "" : short(value),
      );
    }),
  );
}

/** @param {{onmove: (at: [number, number]) => void}} options */
export function stepper({ onmove }) {
  /** @type {Layer|null} */
  let layer = null;
  let [row, column, filter, channel] = [0, 0, 0, 0];
  let playing = 0;
  let speed = 1;
  let shown = null; // the output's plane
  let until = null; // while it plays, what lies behind this place is not written yet
  const limit = (value, most) => Math.max(0, Math.min(most - 1, value));
  const input = surface(t("inputPlane"), (y, x) => {
    const { stride, size, before } = layer.window;
    to(Math.round((y + before[0] - size[0] / 2) / stride[0]), Math.round((x + before[1] - size[1] / 2) / stride[1]));
  });
  const output = surface(t("outputPlane"), (y, x) => to(Math.floor(y), Math.floor(x)));
  const sum = h("div", { class: "sumbox", "aria-live": "off" });
  const play = button("play", t("play"), () => (playing ? halt() : run()), { kind: "primary small", id: "play" });
  const rate = h("input", {
    type: "range",
    min: 0,
    max: SPEEDS.length - 1,
    value: speed,
    "aria-label": t("speed"),
    oninput: () => {
      speed = Number(rate.value);
      rate.style.setProperty("--part", `${(speed / (SPEEDS.length - 1)) * 100}%`);
      if (playing) {
        halt(true);
        run(true);
      }
    },
  });
  rate.style.setProperty("--part", "25%");
  const where = h("span", { class: "soft small" });
  const extra = h("div", { class: "row pickers" });
  const node = h(
    "div",
    { class: "stepper" },
    h(
      "div",
      { class: "row steps" },
      extra,
      h(
        "span",
        { class: "row nowrap" },
        button("left", t("stepBack"), () => by(-1), { text: false, id: "stepback" }),
        play,
        button("right", t("stepOn"), () => by(1), { text: false, id: "stepon" }),
      ),
      h("label", { class: "brush" }, h("span", { class: "small soft" }, t("speed")), rate),
      where,
    ),
    h("div", { class: "trio" }, input.node, output.node, sum),
  );
  for (const one of [input, output])
    one.hold.addEventListener("keydown", (event) => {
      const move = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
      if (!move || !layer) return;
      event.preventDefault();
      to(row + move[0], column + move[1]);
    });

  function to(r, c, silent = false) {
    if (!layer) return;
    [row, column] = [limit(r, layer.window.rows), limit(c, layer.window.columns)];
    if (!silent && playing) until = row * layer.window.columns + column;
    if (!silent && !playing) {
      until = null;
      write();
    }
    show();
    if (!playing) onmove([row, column]);
  }

  function by(step) {
    halt();
    const { rows, columns } = layer.window;
    const at = (row * columns + column + step + rows * columns) % (rows * columns);
    until = at;
    write();
    to(Math.floor(at / columns), at % columns, true);
  }

  function run(on = false) {
    const { rows, columns } = layer.window;
    if (!on && (until === null || row * columns + column >= rows * columns - 1)) [row, column] = [0, 0];
    playing = requestAnimationFrame(frame);
    play.firstChild.replaceWith(glyph("pause"));
    play.lastChild.textContent = t("pause");
  }
  let last = 0;
  let due = 0;
  function frame(now) {
    if (last) due += ((now - last) / 1000) * SPEEDS[speed];
    last = now;
    const steps = Math.floor(due);
    due -= steps;
    const { rows, columns } = layer.window;
    const at = row * columns + column + steps;
    if (at >= rows * columns) {
      until = null;
      [row, column] = [rows - 1, columns - 1];
      write();
      show();
      halt();
      return;
    }
    if (steps || until === null) {
      [row, column] = [Math.floor(at / columns), at % columns];
      until = at;
      write();
      show();
    }
    playing = requestAnimationFrame(frame);
  }
  function halt(quiet = false) {
    cancelAnimationFrame(playing);
    const was = playing;
    playing = 0;
    last = due = 0;
    if (quiet) return;
    play.firstChild.replaceWith(glyph("play", true));
    play.lastChild.textContent = t("play");
    if (was) onmove([row, column]);
  }

  // The output's plane; what has not been computed yet is left pale.
  function write() {
    const { rows, columns } = layer.window;
    let [low, high] = [Infinity, -Infinity];
    for (const value of shown) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    paint(
      output.canvas,
      rows,
      columns,
      (i) => (until !== null && i > until ? 0 : 12 + ((shown[i] - low) / (high - low || 1)) * 243),
      "heat",
    );
  }

  function show() {
    const { window } = layer;
    const made = valueAt(layer, row, column, filter, channel);
    input.frame(
      row * window.stride[0] - window.before[0],
      column * window.stride[1] - window.before[1],
      (window.size[0] - 1) * window.dilation[0] + 1,
      (window.size[1] - 1) * window.dilation[1] + 1,
    );
    output.frame(row, column, 1, 1);
    where.textContent = t("lands", row + 1, column + 1);
    const flat = made.values.flat().map((one) => Math.abs(one ?? 0));
    const term = (name, value, kind = "") =>
      h("div", { class: `term ${kind}` }, h("span", {}, name), h("b", {}, typeof value === "string" ? value : number(value)));
    if (window.kind !== "conv") {
      sum.replaceChildren(
        h(
          "div",
          { class: "grids" },
          h("div", {}, grid(made.values, "patch", layer.most, t("patch")), h("span", { class: "small soft" }, t("patch"))),
        ),
        h("div", { class: "terms" }, term(window.kind === "max" ? t("largest") : t("averageOf"), made.result, "result")),
      );
      return;
    }
    const product = made.values.map((line, i) => line.map((one, j) => (one ?? 0) * made.plane[i][j]));
    const most = Math.max(...product.flat().map(Math.abs));
    const few = window.size[0] <= 6;
    sum.replaceChildren(
      h(
        "div",
        { class: `grids${few ? "" : " many"}` },
        h("div", {}, grid(made.values, "patch", Math.max(layer.most, ...flat), t("patch")), h("span", { class: "small soft" }, t("patch"))),
        h("b", { class: "sign" }, "×"),
        h(
          "div",
          {},
          grid(made.plane, "kernel", Math.max(...made.plane.flat().map(Math.abs)), t("kernelWord")),
          h("span", { class: "small soft" }, t("kernelWord")),
        ),
        h("b", { class: "sign" }, "="),
        h("div", {}, grid(product, "product", most, t("products")), h("span", { class: "small soft" }, t("products"))),
      ),
      h(
        "div",
        { class: "terms" },
        term(layer.input.depth > 1 ? t("sumHere") : "Σ", made.own),
        layer.input.depth > 1 ? term(t("sumOthers"), made.others) : null,
        layer.bias ? term(t("bias"), made.bias) : null,
        term("=", made.before),
        layer.activation && layer.activation !== "linear"
          ? term(layer.activation, made.result, "result")
          : term("→", made.result, "result"),
      ),
    );
  }

  // Where the map answers most: a good place to begin.
  function strongest() {
    let best = 0;
    shown.forEach((value, i) => {
      if (value > shown[best]) best = i;
    });
    return [Math.floor(best / layer.window.columns), best % layer.window.columns];
  }

  return {
    node,
    extra,
    halt,
    /** Show a layer. @param {Layer} next @param {{at: [number, number]|null, filter: number, channel: number, names: {input: string, output: string}, pad?: number}} now */
    put(next, now) {
      halt();
      layer = next;
      filter = limit(now.filter, layer.filters);
      channel = limit(now.channel, layer.input.depth);
      until = null;
      const depth = layer.input.depth;
      const plane = layer.window.kind === "conv" ? channel : filter;
      let [low, high] = [Infinity, -Infinity];
      for (let i = plane; i < layer.input.data.length; i += depth) {
        low = Math.min(low, layer.input.data[i]);
        high = Math.max(high, layer.input.data[i]);
      }
      layer.most = Math.max(Math.abs(low), Math.abs(high));
      paint(
        input.canvas,
        layer.input.rows,
        layer.input.columns,
        (i) => ((layer.input.data[i * depth + plane] - low) / (high - low || 1)) * 255,
        now.ink ? "ink" : "heat",
      );
      input.size(layer.input.rows, layer.input.columns, now.pad ?? layer.window.before[0], now.pad ?? layer.window.before[1]);
      input.name(t("inputPlane"), `${now.names.input} · ${layer.input.rows} × ${layer.input.columns}`);
      output.size(layer.window.rows, layer.window.columns);
      output.name(t("outputPlane"), `${now.names.output} · ${layer.window.rows} × ${layer.window.columns}`);
      shown = planeOf(layer, filter);
      const [r, c] = now.at ?? strongest();
      [row, column] = [limit(r, layer.window.rows), limit(c, layer.window.columns)];
      write();
      show();
      let apart = 0;
      if (layer.output)
        for (let i = 0; i < shown.length; i++) apart = Math.max(apart, Math.abs(shown[i] - layer.output[i * layer.filters + filter]));
      return apart;
    },
  };
}
