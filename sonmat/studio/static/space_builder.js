// The space of a sweep: which settings are tried, and between which ends or among which choices.
import { choice } from "./controls.js";
import { button, h } from "./dom.js";
import { store } from "./store.js";
import { t } from "./texts.js";

/** @typedef {{kind: "log"|"linear"|"int"|"int log"|"choices", low?: number, high?: number, choices?: any[]}} Dimension */

/** What can be searched of a recipe: its settings with a first guess of a space. @returns {[string, Dimension][]} */
export function searchable(recipe) {
  const rate = recipe.train.learning_rate;
  const found = [];
  if (typeof rate === "number" || rate === undefined)
    found.push([
      "train.learning_rate",
      { kind: "log", low: Number(((rate ?? 0.01) / 10).toPrecision(2)), high: Math.min(1, Number(((rate ?? 0.01) * 10).toPrecision(2))) },
    ]);
  else if (typeof rate?.peak === "number")
    found.push(["train.learning_rate.peak", { kind: "log", low: rate.peak / 5, high: rate.peak * 5 }]);
  if (typeof recipe.train.batch_size === "number") found.push(["train.batch_size", { kind: "choices", choices: [16, 32, 64, 128] }]);
  found.push(
    ["train.optimizer", { kind: "choices", choices: store.start.optimizers.slice(0, 3).map((one) => one.name) }],
    ["train.epochs", { kind: "choices", choices: [2, 5, 10] }],
  );
  if (recipe.train.optimizer === "sgd") found.push(["train.momentum", { kind: "linear", low: 0, high: 0.95 }]);
  for (const [key, value] of Object.entries(recipe.model)) {
    if (key === "name" || key === "layers") continue;
    if (key === "activation") found.push(["model.activation", { kind: "choices", choices: ["relu", "tanh", "gelu"] }]);
    else if (key === "dropout") found.push(["model.dropout", { kind: "linear", low: 0, high: 0.5 }]);
    else if (key === "hidden") found.push(["model.hidden", { kind: "choices", choices: [[20, 20], [64, 64], [128]] }]);
    else if (key === "filters")
      found.push([
        "model.filters",
        {
          kind: "choices",
          choices: [
            [8, 16],
            [16, 32],
          ],
        },
      ]);
    else if (key === "padding") found.push(["model.padding", { kind: "choices", choices: ["valid", "same"] }]);
    else if (key === "pooling") found.push(["model.pooling", { kind: "choices", choices: ["max", "average"] }]);
    else if (typeof value === "number") found.push([`model.${key}`, { kind: "choices", choices: [value, value + 1, value + 2] }]);
    else if (typeof value === "boolean" && key !== "functional") found.push([`model.${key}`, { kind: "choices", choices: [true, false] }]);
  }
  found.push(["train.label_smoothing", { kind: "linear", low: 0, high: 0.2 }], ["seed", { kind: "choices", choices: [0, 1, 2] }]);
  return found;
}

/** The space as the server reads it. @param {Object<string, Dimension>} space */
export const spaceOf = (space) =>
  Object.fromEntries(
    Object.entries(space).map(([key, one]) => [key, one.kind === "choices" ? one.choices : [one.low, one.high, one.kind]]),
  );

const NAMES = {
  learning_rate: "learningRate",
  batch_size: "batchSize",
  optimizer: "optimizer",
  epochs: "epochs",
  seed: "seed",
  activation: "K_activation",
  dropout: "L_dropout",
  filters: "K_filters",
  kernel_size: "K_kernel",
  stride: "K_stride",
  padding: "K_padding",
  hidden: "hiddenUnits",
  momentum: "momentum",
  label_smoothing: "labelSmoothing",
};
/** What a setting is called: in words where it is known. @param {string} key dotted */
export function settingName(key) {
  const last = key.replace(/^(train|model)\./, "");
  return last in NAMES ? t(NAMES[last]) : last;
}

const written = (choices) => choices.map((one) => (typeof one === "string" ? one : JSON.stringify(one))).join("; ");
function choicesOf(text) {
  return text
    .split(";")
    .map((one) => one.trim())
    .filter(Boolean)
    .map((one) => {
      try {
        return JSON.parse(one);
      } catch {
        return one;
      }
    });
}

/** Why a setting cannot be searched like this; "" where it can. @param {Dimension} one */
function problemOf(one) {
  if (one.kind === "choices") return one.choices.length ? "" : t("badChoices");
  if (one.low === null || one.high === null || one.low >= one.high) return t("badEnds");
  return one.kind.includes("log") && one.low <= 0 ? t("badLog") : "";
}

/** @param {{onset: (space: Object<string, Dimension>) => void}} options */
export function spaceBuilder({ onset }) {
  const rows = h("div", { class: "dimensions" });
  const add = h("div", {});
  const node = h("div", { class: "space" }, rows, add);
  let space = {};
  let known = [];
  const set = (next, anew = false) => {
    space = next;
    if (anew) build();
    onset(space);
  };

  function build() {
    rows.replaceChildren(...Object.entries(space).map(([key, one]) => row(key, one)));
    const left = known.filter(([key]) => !(key in space));
    add.replaceChildren(
      choice("", [["", `＋ ${t("addSetting")}`], ...left.map(([key]) => [key, settingName(key)])], "", (key) => {
        const found = known.find(([name]) => name === key);
        if (found) set({ ...space, [key]: structuredClone(found[1]) }, true);
      }),
    );
    add.querySelector("select").setAttribute("aria-label", t("addSetting"));
    add.querySelector("select").id = "addsetting";
  }

  function row(key, one) {
    const name = settingName(key);
    const why = h("p", { class: "unfit", role: "alert", hidden: true });
    // What cannot be searched is said where it was written, at once, and not handed on.
    const judge = (now) => {
      const problem = problemOf(now);
      why.textContent = problem;
      why.hidden = !problem;
      for (const one_ of why.parentNode.querySelectorAll("input:not([type=checkbox])"))
        one_.setAttribute("aria-invalid", String(Boolean(problem)));
      return problem;
    };
    const put = (changes) => {
      const next = { ...space[key], ...changes };
      const problem = judge(next);
      node.dispatchEvent(new Event("fit", { bubbles: true }));
      if (problem) space[key] = next;
      else set({ ...space, [key]: next });
    };
    const field = (end) =>
      h("input", {
        type: "number",
        step: "any",
        value: one[end],
        "aria-label": `${name} ${t(end === "low" ? "from" : "to")}`,
        oninput: (event) => {
          const value = Number(event.target.value);
          put({ [end]: event.target.value === "" || !Number.isFinite(value) ? null : value });
        },
      });
    const body =
      one.kind === "choices"
        ? h("input", {
            type: "text",
            value: written(one.choices),
            "aria-label": `${name} ${t("choices")}`,
            title: t("choicesHint"),
            oninput: (event) => {
              put({ choices: choicesOf(event.target.value) });
            },
          })
        : h(
            "span",
            { class: "ends" },
            field("low"),
            "–",
            field("high"),
            h(
              "label",
              { class: "small soft" },
              h("input", {
                type: "checkbox",
                checked: one.kind.includes("log"),
                onchange: (event) =>
                  put({
                    kind: one.kind.includes("int") ? (event.target.checked ? "int log" : "int") : event.target.checked ? "log" : "linear",
                  }),
              }),
              " ",
              t("logScale"),
            ),
          );
    const card = h(
      "div",
      { class: "dimension" },
      h("b", { title: key }, settingName(key)),
      button(
        "close",
        t("removeSetting", settingName(key)),
        () => {
          const next = { ...space };
          delete next[key];
          set(next, true);
        },
        { text: false },
      ),
      body,
      why,
    );
    judge(one);
    return card;
  }

  node.put = (recipe, next) => {
    known = searchable(recipe);
    space = next;
    build();
  };
  return node;
}
