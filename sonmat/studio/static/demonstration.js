// A demonstration with sizes of one's own: kernel, stride and padding as sliders, with the formula of the output's size.
import { choice, slider } from "./controls.js";
import { h } from "./dom.js";
import { bytes } from "./planes.js";
import { place } from "./state.js";
import { stepper } from "./stepper.js";
import { t } from "./texts.js";
import { outputLength, volume, windowOver } from "./windows.js";

const PATTERNS = {
  edge: (x, y, r) => Math.sign(x) * (r ? 1 - Math.abs(y) / (r + 1) : 1),
  across: (x, y, r) => Math.sign(y) * (r ? 1 - Math.abs(x) / (r + 1) : 1),
  blur: () => 1,
  sharpen: (x, y) => (x === 0 && y === 0 ? 2 : 0),
};

function pattern(name, size) {
  const middle = (size - 1) / 2;
  const data = new Float32Array(size * size);
  for (let i = 0; i < size; i++)
    for (let j = 0; j < size; j++) data[i * size + j] = PATTERNS[name](j - middle, i - middle, Math.floor(middle));
  const area = size * size;
  if (name === "blur") return data.map((one) => one / area);
  if (name === "sharpen") return data.map((one) => one - 1 / area + (size % 2 ? 0 : 1 / area)); // twice the middle less the mean
  return data;
}

/** @param {{image: () => any, kernel: () => any}} options */
export function demonstration({ image, kernel }) {
  const steps = stepper({ onmove: (to) => place.set({ at: to }) });
  const form = h("div", { class: "row pickers" });
  const formula = h("p", { class: "formula" });
  const node = h(
    "div",
    {},
    h("div", { class: "row stagehead" }, h("h2", {}, t("yourOwn"))),
    h("p", { class: "lead" }, t("demoLead")),
    form,
    formula,
    steps.node,
  );
  const set = (changes) => {
    place.set(changes);
    show();
  };
  let told = "";

  function build() {
    const own = kernel();
    const kind = place.get("kind");
    const key = `${kind}${Boolean(own)}${document.documentElement.lang}`;
    if (key === told) return;
    told = key;
    form.replaceChildren(
      choice(
        t("windowKind"),
        [
          ["conv", t("L_conv")],
          ["max", t("L_max_pool")],
          ["average", t("L_average_pool")],
        ],
        kind,
        (value) => set({ kind: value }),
      ),
      kind === "conv"
        ? choice(
            t("kernelWord"),
            [
              ["edge", t("D_edge")],
              ["across", t("D_across")],
              ["blur", t("D_blur")],
              ["sharpen", t("D_sharpen")],
              ...(own ? [["run", t("D_run")]] : []),
            ],
            own || place.get("kernel") !== "run" ? place.get("kernel") : "edge",
            (value) => set({ kernel: value }),
          )
        : null,
      ...[
        ["size", t(kind === "conv" ? "kernelSize" : "K_size"), 1, 9],
        ["stride", t("K_stride"), 1, 5],
        ["pad", t("K_padding"), 0, 4],
      ].map(([name, label, low, high]) =>
        h(
          "div",
          { class: "pick" },
          slider({ label, low, high, whole: true, value: place.get(name), onset: (value) => set({ [name]: value }) }),
        ),
      ),
    );
  }

  function show() {
    const picture = image();
    if (!picture) return;
    build();
    const [rows, columns, depth = 1] = picture.shape;
    const pixels = bytes(picture.pixels);
    const data = Float32Array.from({ length: rows * columns }, (_, i) => pixels[i * depth] / 255);
    const input = volume([rows, columns, 1], data);
    const own = kernel();
    const kind = place.get("kind");
    const useOwn = kind === "conv" && place.get("kernel") === "run" && own;
    const size = useOwn ? own.shape[0] : place.get("size");
    const [stride, pad] = [place.get("stride"), place.get("pad")];
    const out = outputLength(rows, size, stride, 2 * pad);
    const fits = out >= 1 && outputLength(columns, size, stride, 2 * pad) >= 1;
    steps.node.hidden = !fits;
    formula.replaceChildren(
      h("span", { class: "soft" }, `${t("outputSize")} `),
      h("b", { class: "mono" }, `⌊(${rows} + 2·${pad} − ${size}) / ${stride}⌋ + 1 = ${out}`),
      fits ? "" : h("span", { class: "badtext" }, ` ${t("impossibleSize", size, rows + 2 * pad)}`),
    );
    if (!fits) return;
    const weights = useOwn
      ? Float32Array.from({ length: size * own.shape[1] }, (_, i) => own.data[(i * own.shape[2] + own.channel) * own.shape[3] + own.filter])
      : pattern(place.get("kernel") in PATTERNS ? place.get("kernel") : "edge", size);
    const window = windowOver(input, { kind, size: [size, size], stride: [stride, stride], padding: "valid", pad });
    steps.put(
      {
        input,
        window,
        kernel: kind === "conv" ? { shape: [size, size, 1, 1], data: weights } : null,
        bias: null,
        activation: kind === "conv" ? "relu" : "linear",
        output: null,
        filters: 1,
      },
      { at: place.get("at"), filter: 0, channel: 0, ink: true, pad, names: { input: t("image"), output: "" } },
    );
  }
  return { node, show, end: () => steps.halt() };
}
