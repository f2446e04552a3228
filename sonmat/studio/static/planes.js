// Numbers as pictures: planes of bytes or floats painted on small canvases.
import { h } from "./dom.js";
import { colour, isDark } from "./palette.js";

/** Bytes of a base64 text. @param {string} text @returns {Uint8Array} */
export function bytes(text) {
  const raw = atob(text);
  const found = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) found[i] = raw.charCodeAt(i);
  return found;
}
/** Floats of a base64 text, little-endian float32. @param {string} text @returns {Float32Array} */
export const floats = (text) => new Float32Array(bytes(text).buffer);

/** Whether a layer's output is a plain list of numbers. */
export const isFlat = (shape) => shape.length < 3 || (shape[0] === 1 && shape[1] === 1);
const length = (shape) => shape.reduce((a, b) => a * b, 1);

const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));

/** A table of 256 colours. "ink": paper to ink; "grey": black to white; "two": negative, nothing, positive. */
export function ramp(kind) {
  const table = new Uint8Array(256 * 3);
  const dark = isDark();
  const stops =
    kind === "ink"
      ? dark
        ? ["#17140f", "#ece8e1"]
        : ["#fffdf8", "#1d1b18"]
      : kind === "grey"
        ? ["#000000", "#ffffff"]
        : kind === "heat"
        ? dark
          ? ["#1b1916", "#17405c", "#2f83b5", "#8fd0f5", "#eaf7ff"]
          : ["#faf8f4", "#b9d8ea", "#4f9fc9", "#1a679b", "#0b2f52"]
        : [colour("--negative"), dark ? "#211e1b" : "#ffffff", colour("--positive")];
  const list = stops.map(rgb);
  for (let i = 0; i < 256; i++) {
    const at = (i / 255) * (list.length - 1);
    const low = Math.min(list.length - 2, Math.floor(at));
    for (let c = 0; c < 3; c++) table[i * 3 + c] = Math.round(list[low][c] + (list[low + 1][c] - list[low][c]) * (at - low));
  }
  return table;
}
const ramps = new Map();
const rampOf = (kind) => {
  if (!ramps.has(kind)) ramps.set(kind, ramp(kind));
  return ramps.get(kind);
};
addEventListener("theme", () => ramps.clear());

/**
 * Paint one plane. @param {HTMLCanvasElement} canvas its size becomes the plane's
 * @param {(i: number) => number} level 0 … 255 of each value, row by row
 */
export function paint(canvas, rows, columns, level, kind = "ink") {
  if (canvas.width !== columns || canvas.height !== rows) {
    canvas.width = columns;
    canvas.height = rows;
  }
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(columns, rows);
  const table = rampOf(kind);
  for (let i = 0; i < rows * columns; i++) {
    const at = Math.max(0, Math.min(255, level(i) | 0)) * 3;
    image.data[i * 4] = table[at];
    image.data[i * 4 + 1] = table[at + 1];
    image.data[i * 4 + 2] = table[at + 2];
    image.data[i * 4 + 3] = 255;
  }
  pen.putImageData(image, 0, 0);
}

/** Paint a picture as it is: its colours, or its greys; light strokes on black as ink on paper. @param {{shape: number[], pixels: string}} seen */
export function paintPicture(canvas, seen) {
  const [rows, columns, depth = 1] = seen.shape;
  const values = bytes(seen.pixels);
  if (depth !== 3) {
    const dark = values.filter((one) => one < 64).length > values.length / 2;
    paint(canvas, rows, columns, (i) => values[i * depth], dark ? "ink" : "grey");
    return;
  }
  Object.assign(canvas, { width: columns, height: rows });
  const image = new ImageData(columns, rows);
  for (let i = 0; i < rows * columns; i++) image.data.set([values[i * 3], values[i * 3 + 1], values[i * 3 + 2], 255], i * 4);
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** @typedef {{name: string, kind: string, shape: number[], low: number, high: number, values: string}} Map */

/** The layers that are worth showing: those with a window or weights, not flatten and dropout. */
export const worth = (maps) => maps.filter((one) => !/flatten|dropout|input|reshape|rescal/i.test(one.kind));

/**
 * The maps of layers as rows of small pictures; `put` paints new values into the same canvases.
 * @param {{most?: number, onpick?: (layer: string, channel: number) => void, title?: (layer: string, channel: number) => string}} options
 */
export function mapRows({ most = 32, onpick = null, title = (layer, i) => `${layer} ${i + 1}`, name = (one) => one.name } = {}) {
  const node = h("div", { class: "maprows" });
  let shape = "";
  const build = (maps) => {
    node.replaceChildren(
      ...maps.map((one) => {
        const flat = isFlat(one.shape);
        const count = flat ? 1 : Math.min(most, one.shape[2]);
        const canvases = Array.from({ length: count }, (_, i) => {
          const canvas = h("canvas", { class: flat ? "unitmap" : "map" });
          return onpick
            ? h(
                "button",
                {
                  type: "button",
                  class: "mapbutton",
                  "aria-label": title(one.name, i),
                  title: title(one.name, i),
                  data: { layer: one.name, channel: i },
                  tabIndex: -1,
                  onclick: () => onpick(one.name, i),
                },
                canvas,
              )
            : canvas;
        });
        const rest = flat ? 0 : one.shape[2] - count;
        return h(
          "div",
          { class: "maprow", data: { layer: one.name } },
          h(
            "div",
            { class: "maphead" },
            h("b", {}, name(one)),
            h("span", { class: "soft" }, (flat ? [length(one.shape)] : one.shape).join(" × ")),
          ),
          h(
            "div",
            { class: `maps${flat ? " flat" : ""}` },
            canvases,
            rest > 0 ? h("span", { class: "soft small rest" }, `+${rest}`) : null,
          ),
        );
      }),
    );
  };
  // One of the maps is a stop of the Tab key; the arrows go from map to map.
  const stop = (there) => {
    for (const one of node.querySelectorAll(".mapbutton")) one.tabIndex = one === there ? 0 : -1;
  };
  node.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const row = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const here = event.target.closest?.(".mapbutton");
    if (!here || !(by || row)) return;
    event.preventDefault();
    const all = [...node.querySelectorAll(".mapbutton")];
    const layers = [...node.children];
    const next = by ? all[all.indexOf(here) + by] : layers[layers.indexOf(here.closest(".maprow")) + row]?.querySelector(".mapbutton");
    next?.focus();
  });
  node.addEventListener("focusin", (event) => event.target.matches(".mapbutton") && stop(event.target));

  node.put = (all) => {
    const maps = worth(all);
    const told = JSON.stringify(maps.map((one) => [one.name, one.shape]));
    if (told !== shape) {
      shape = told;
      build(maps);
      stop(node.querySelector(".mapbutton"));
    }
    maps.forEach((one, row) => {
      const values = typeof one.values === "string" ? bytes(one.values) : one.values;
      const canvases = node.children[row].querySelectorAll("canvas");
      if (isFlat(one.shape)) {
        paint(canvases[0], 1, length(one.shape), (i) => values[i], "heat");
        return;
      }
      const [rows, columns, depth] = one.shape;
      canvases.forEach((canvas, channel) => paint(canvas, rows, columns, (i) => values[i * depth + channel], "heat"));
    });
  };
  return node;
}
