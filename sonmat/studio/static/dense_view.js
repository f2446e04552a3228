// One unit of a dense layer: every input times its weight, their sum, the bias, the activation.
import { h } from "./dom.js";
import { floats, isFlat, paint } from "./planes.js";
import { number, t } from "./texts.js";
import { ACTIVATIONS } from "./windows.js";

const softmax = (sums) => {
  const most = Math.max(...sums);
  const raised = sums.map((one) => Math.exp(one - most));
  const all = raised.reduce((a, b) => a + b, 0);
  return raised.map((one) => one / all);
};

/** @param {{onunit: (unit: number) => void}} options */
export function denseView({ onunit }) {
  const planes = ["inputPlane", "weightsWord", "weightedInput"].map((key) => ({ key, canvas: h("canvas", { class: "plane still" }) }));
  const terms = h("div", { class: "terms" });
  const units = h("div", { class: "units", role: "listbox", "aria-label": t("unitWord") });
  const agree = h("p", { class: "small agree" });
  const node = h(
    "div",
    { class: "denseview" },
    h(
      "div",
      { class: "trio dense3" },
      planes.map((one, i) => [
        i ? h("b", { class: "sign" }, i === 1 ? "×" : "=") : null,
        h("figure", { class: "surface" }, h("figcaption", {}, h("b", {}, t(one.key))), one.canvas),
      ]),
    ),
    terms,
    units,
    agree,
  );

  return {
    node,
    /** @param {any} chosen @param {number} unit @param {any} seen the whole answer, for the shape before flattening */
    put(chosen, unit, seen) {
      const input = floats(chosen.input.values);
      const kernel = floats(chosen.kernel.values);
      const [count, out] = chosen.kernel.shape;
      const output = floats(chosen.output.values);
      unit = Math.min(unit, out - 1);
      const { rows, columns, index } = arranged(count, seen, chosen.name);
      const weights = Float32Array.from({ length: count }, (_, i) => kernel[i * out + unit]);
      const products = weights.map((one, i) => one * input[i]);
      const most = (list) => list.reduce((a, b) => Math.max(a, Math.abs(b)), 1e-12);
      const scale = [most(input), most(weights), most(products)];
      [input, weights, products].forEach((list, k) => {
        const floor = k === 0 && !list.some((one) => one < 0);
        paint(
          planes[k].canvas,
          rows,
          columns,
          (i) => {
            const at = index(i);
            return floor ? (at < 0 ? 0 : (list[at] / scale[0]) * 255) : at < 0 ? 127.5 : 127.5 + (list[at] / scale[k]) * 127.5;
          },
          floor ? "heat" : "two",
        );
        planes[k].canvas.style.aspectRatio = `${columns} / ${rows}`;
      });
      const sums = Array.from({ length: out }, (_, j) => {
        let sum = chosen.bias?.[j] ?? 0;
        for (let i = 0; i < count; i++) sum += input[i] * kernel[i * out + j];
        return sum;
      });
      const results = chosen.activation === "softmax" ? softmax(sums) : sums.map(ACTIVATIONS[chosen.activation] ?? ACTIVATIONS.linear);
      const bias = chosen.bias?.[unit] ?? 0;
      const term = (name, value, kind = "") => h("div", { class: `term ${kind}` }, h("span", {}, name), h("b", {}, number(value)));
      terms.replaceChildren(
        term("Σ", sums[unit] - bias),
        term(t("bias"), bias),
        term("=", sums[unit]),
        term(chosen.activation ?? "linear", results[unit], "result"),
      );
      const tall = most(results);
      const classes = out === (seen.classes ?? []).length && chosen.activation === "softmax" ? seen.classes : null;
      units.replaceChildren(
        ...results.slice(0, 256).map((value, j) =>
          h(
            "button",
            {
              type: "button",
              class: `unit${j === unit ? " chosen" : ""}`,
              role: "option",
              "aria-selected": String(j === unit),
              title: `${classes?.[j] ?? j + 1}: ${number(value)}`,
              onclick: () => onunit(j),
            },
            h(
              "span",
              { class: "well" },
              h("i", {
                style: { height: `${(100 * Math.abs(value)) / tall}%`, background: value < 0 ? "var(--negative)" : "var(--positive)" },
              }),
            ),
            out <= 40 ? h("span", {}, classes?.[j] ?? String(j + 1)) : null,
          ),
        ),
      );
      let apart = 0;
      results.forEach((value, j) => {
        apart = Math.max(apart, Math.abs(value - output[j]));
      });
      agree.textContent = apart <= 1e-3 * Math.max(1, tall) ? t("agree", number(apart, 2)) : t("disagree", number(apart, 3));
      agree.classList.toggle("badtext", apart > 1e-3 * Math.max(1, tall));
    },
  };
}

// A flattened image is shown as it was, flattened maps beside each other, a list of numbers in rows.
/** @returns {{rows: number, columns: number, index: (i: number) => number}} `index`: the value at a pixel, −1 for none */
function arranged(count, seen, name) {
  const [rows, columns] = seen.image.shape;
  if (rows * columns === count) return { rows, columns, index: (i) => i };
  const before = seen.maps.slice(
    0,
    Math.max(
      0,
      seen.maps.findIndex((one) => one.name === name),
    ),
  );
  const maps = before.reverse().find((one) => !isFlat(one.shape));
  if (maps && maps.shape[0] * maps.shape[1] * maps.shape[2] === count) {
    const [high, wide, depth] = maps.shape;
    const across = Math.ceil(Math.sqrt(depth));
    const [tall, broad] = [high + 1, wide + 1]; // a gap between neighbours
    return {
      rows: Math.ceil(depth / across) * tall - 1,
      columns: across * broad - 1,
      index: (i) => {
        const all = across * broad - 1;
        const [y, x] = [Math.floor(i / all), i % all];
        const map = Math.floor(y / tall) * across + Math.floor(x / broad);
        return y % tall === high || x % broad === wide || map >= depth ? -1 : ((y % tall) * wide + (x % broad)) * depth + map;
      },
    };
  }
  if (count <= 64) return { rows: 1, columns: count, index: (i) => i };
  const wide = Math.ceil(Math.sqrt(count));
  return { rows: Math.ceil(count / wide), columns: wide, index: (i) => (i < count ? i : -1) };
}
