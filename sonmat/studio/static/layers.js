// The network as a column of cards: added, removed, moved by drag or by buttons; what each gives stands on it.
import { choice, slider } from "./controls.js";
import { button, glyph, h, speak } from "./dom.js";
import { LAYER_KEYS } from "./state.js";
import { store } from "./store.js";
import { count, known, t } from "./texts.js";

const kindName = (kind) => (known(`L_${kind}`) ? t(`L_${kind}`) : kind);
const times = (shape) => (shape ?? []).join(" × ");
// The sliders end where the server's kinds say; a number may be larger, and is then for the sizes to judge.
const MOST = { units: 16384, filters: 2048, kernel: 255, stride: 255, size: 255, rate: 0.99, momentum: 0.999 };

/** @typedef {{at: number|null, name: string, kind: string, window: string, output: number[], formula: string, parameters: number, parameter_formula: string, sees: number[]|string|null}} Sizes */

export class Network {
  /** @param {{onset: (layers: any[]) => void}} options */
  constructor(options) {
    this.options = options;
    this.layers = [];
    this.fixed = false;
    this.list = h("ol", { class: "layers" });
    this.node = h("div", { class: "network" }, this.list);
    this.cards = [];
    this.told = null;
    this.list.addEventListener("fit", () => this.told && this.tell(this.told));
  }

  /** The first card with a number that cannot be; -1 where there is none. */
  get unfit() {
    return this.cards.findIndex((card) => card.querySelector('[aria-invalid="true"]'));
  }

  /** Show layers; `fixed` where they cannot be changed one by one. @param {any[]|null} layers */
  put(layers, { fixed = false, note = null } = {}) {
    this.fixed = fixed;
    this.layers = structuredClone(layers ?? []);
    this.note = note;
    this.build();
  }

  set(layers, focus = null) {
    this.layers = layers;
    this.build();
    this.options.onset(structuredClone(layers));
    this.node.dispatchEvent(new Event("fit", { bubbles: true }));
    if (focus) this.list.querySelector(focus)?.focus();
  }

  build() {
    this.told = null;
    this.cards = this.fixed ? [] : this.layers.map((one, index) => this.card(one, index));
    this.ends = [this.end("input"), this.end("output")];
    this.list.replaceChildren(
      this.ends[0],
      ...(this.note ? [h("li", { class: "note" }, this.note)] : []),
      ...this.cards,
      ...(this.fixed ? [] : [this.adder()]),
      this.ends[1],
    );
  }

  end(which) {
    return h(
      "li",
      { class: `layer end ${which}` },
      h("div", { class: "head" }, h("b", {}, t(which))),
      h("p", { class: "told" }),
      this.flow(),
    );
  }

  // What goes on from a card to the next one, written where they are joined.
  flow() {
    return h("p", { class: "flow" }, h("span", { class: "shape" }), h("span", { class: "flat" }));
  }

  /** The name that the network's layer has everywhere else: "conv_1". */
  nameOf(index) {
    const prefix = (layer) => this.kinds().find((one) => one.name === layer.layer)?.prefix;
    const mine = prefix(this.layers[index]);
    return mine ? `${mine}_${this.layers.slice(0, index + 1).filter((one) => prefix(one) === mine).length}` : "";
  }

  kinds() {
    return store.start.layer_kinds;
  }

  adder() {
    const box = h(
      "select",
      {
        "aria-label": t("addLayer"),
        id: "addlayer",
        onchange: () => {
          const kind = this.kinds().find((one) => one.name === box.value);
          if (!kind) return;
          const layer = { layer: kind.name, ...Object.fromEntries(kind.settings.map((one) => [one.name, one.default])) };
          this.set([...this.layers, layer], `.layer[data-index="${this.layers.length}"] input`);
        },
      },
      h("option", { value: "" }, `＋ ${t("addLayer")}`),
      this.kinds().map((one) => h("option", { value: one.name }, kindName(one.name))),
    );
    return h("li", { class: "add" }, box);
  }

  card(layer, index) {
    const kind = this.kinds().find((one) => one.name === layer.layer);
    const name = `${kindName(layer.layer)} ${index + 1}`;
    const onset = (key) => (value) => {
      this.layers[index][key] = value;
      this.options.onset(structuredClone(this.layers));
    };
    const controls = (LAYER_KEYS[layer.layer] ?? []).map((key) => {
      const setting = kind?.settings.find((one) => one.name === key);
      if (!setting) return null;
      const label = known(`K_${key}`) ? t(`K_${key}`) : key;
      if (setting.kind === "choice")
        return choice(
          label,
          (setting.choices ?? store.start.activations).map((one) => [one, one]),
          layer[key] ?? setting.default,
          onset(key),
        );
      return slider({
        label,
        low: setting.low,
        high: Math.max(setting.high, MOST[key] ?? setting.high),
        value: layer[key] ?? setting.default,
        whole: setting.kind !== "number",
        step: setting.kind === "number" ? 0.05 : 1,
        log: setting.high > 64 && setting.low > 0,
        top: key === "units" ? Math.min(setting.high, 512) : setting.high,
        onset: onset(key),
      });
    });
    const card = h(
      "li",
      { class: `layer ${layer.layer}`, data: { index } },
      h(
        "div",
        { class: "head" },
        h("span", { class: "grip", title: t("dragLayer", name), onpointerdown: (event) => this.drag(event, index) }, glyph("grip")),
        h("b", {}, kindName(layer.layer)),
        h("span", { class: "called" }, this.nameOf(index)),
        h(
          "span",
          { class: "moves" },
          button("up", t("moveUp", name), () => this.move(index, -1), { text: false, disabled: index === 0, "data-move": "up" }),
          button("down", t("moveDown", name), () => this.move(index, 1), {
            text: false,
            disabled: index === this.layers.length - 1,
            "data-move": "down",
          }),
          button(
            "close",
            t("removeLayer", name),
            () =>
              this.set(
                this.layers.filter((_, i) => i !== index),
                "#addlayer",
              ),
            { text: false },
          ),
        ),
      ),
      controls.length ? h("div", { class: "controls" }, controls) : null,
      h("p", { class: "told" }),
      this.flow(),
    );
    return card;
  }

  move(index, by) {
    const layers = [...this.layers];
    const [one] = layers.splice(index, 1);
    layers.splice(index + by, 0, one);
    this.set(
      layers,
      `.layer[data-index="${index + by}"] [data-move="${by < 0 ? "up" : "down"}"]:not(:disabled), .layer[data-index="${index + by}"] [data-move]:not(:disabled)`,
    );
    speak(`${kindName(one.layer)} ${index + by + 1}`);
  }

  // The card follows the pointer; the others make room.
  drag(event, index) {
    if (event.button) return;
    event.preventDefault();
    const card = this.cards[index];
    const boxes = this.cards.map((one) => one.getBoundingClientRect());
    const gap = boxes.length > 1 ? boxes[1].top - boxes[0].bottom : 8;
    let to = index;
    card.setPointerCapture(event.pointerId);
    card.classList.add("dragged");
    const moved = (now) => {
      const by = now.clientY - event.clientY;
      card.style.transform = `translateY(${by}px) scale(1.02)`;
      const middle = boxes[index].top + boxes[index].height / 2 + by;
      to = index;
      boxes.forEach((box, i) => {
        const half = box.top + box.height / 2;
        if (i > index && middle > half) to = Math.max(to, i);
        if (i < index && middle < half) to = Math.min(to, i);
      });
      this.cards.forEach((one, i) => {
        if (i === index) return;
        const shift = i > index && i <= to ? -(boxes[index].height + gap) : i < index && i >= to ? boxes[index].height + gap : 0;
        one.style.transform = shift ? `translateY(${shift}px)` : "";
      });
    };
    const done = (now) => {
      card.removeEventListener("pointermove", moved);
      card.classList.remove("dragged");
      for (const one of this.cards) one.style.transform = "";
      if (now.type === "pointerup" && to !== index) this.move(index, to - index);
    };
    card.addEventListener("pointermove", moved);
    card.addEventListener("pointerup", done, { once: true });
    card.addEventListener("pointercancel", done, { once: true });
  }

  /** What the server computed stands on the cards, as far as the numbers on them can be. @param {any} check */
  tell(check) {
    this.told = check;
    if (this.fixed) this.tellFixed(check);
    const unfit = this.unfit;
    const at = unfit >= 0 && (check.ok || (check.at ?? Infinity) >= unfit) ? unfit : (check.at ?? null);
    const here = (index) => at === null || index < at;
    const by = new Map();
    const flat = new Map(); // by the card before it
    let [last, out] = [-1, null];
    for (const one of check.layers ?? []) {
      const index = one.at ?? one.place;
      if (index !== null && index !== undefined) by.set((last = index), one);
      else if (one.kind === "Flatten") flat.set(last, one);
      else out = one;
    }
    const first = check.input ?? this.options.input?.();
    this.cards.forEach((card, index) => {
      const sizes = here(index) ? by.get(index) : null;
      const bad = at === index;
      card.classList.toggle("bad", bad);
      card.classList.toggle("after", at !== null && index > at);
      this.join(card, sizes?.output, flat.get(index));
      const wrong = bad && at !== unfit ? this.wrong(check) : [];
      card.querySelector(".told").replaceChildren(...(sizes ? this.sums(sizes) : wrong));
    });
    this.join(this.ends[0], first, flat.get(-1));
    this.tellEnd(check, out, at);
  }

  tellEnd(check, out, at) {
    const end = this.ends[1];
    const bad = !check.ok && at === null;
    end.classList.toggle("bad", bad);
    const sums = out ? [h("span", {}, t("softmaxOver", out.output.at(-1))), this.part(out)] : [];
    end.querySelector(".told").replaceChildren(...(bad ? this.wrong(check) : at === null && check.ok ? sums : []));
  }

  join(card, shape, flat) {
    card.querySelector(".flow").hidden = !shape;
    card.querySelector(".shape").textContent = times(shape);
    card.querySelector(".flat").textContent = flat ? t("flattened", count(flat.output.at(-1))) : "";
  }

  wrong(check) {
    return [h("b", { class: "badtext" }, check.problem), " ", h("span", {}, check.fix ?? "")];
  }

  part(sizes) {
    return h(
      "span",
      { class: "sum" },
      sizes.parameters ? `${sizes.parameter_formula ? `${sizes.parameter_formula} = ` : ""}${count(sizes.parameters)}` : t("noParameters"),
    );
  }

  sums(sizes) {
    const formula = sizes.formula ? h("span", { class: "sum" }, sizes.formula) : null;
    const sees =
      Array.isArray(sizes.sees) && sizes.sees.length > 1 && sizes.formula ? h("span", {}, t("sees", sizes.sees.join(" × "))) : null;
    return [formula, this.part(sizes), sees].filter(Boolean);
  }

  tellFixed(check) {
    const layers = (check.layers ?? []).filter((one) => one.kind !== "InputLayer");
    const rows = layers.map((one) =>
      h(
        "li",
        { class: "layer read" },
        h("div", { class: "head" }, h("b", {}, one.title ?? one.name ?? one.kind), h("span", { class: "shape" }, times(one.output))),
        h("p", { class: "told" }, h("span", {}, one.window || one.kind), one.parameters ? this.part(one) : null),
      ),
    );
    this.list.querySelectorAll(".read").forEach((one) => one.remove());
    this.ends[1].before(...rows);
  }
}
