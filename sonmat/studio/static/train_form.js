// The form of the Train screen: data, learning settings, and what else was set.
import { chips, choice, slider } from "./controls.js";
import { button, h } from "./dom.js";
import { ownPart } from "./own_data.js";
import { dataChoices, dataOf, isReading, ownData } from "./recipe.js";
import { store } from "./store.js";
import { count, percent, t } from "./texts.js";

const FEW = 50; // rows to validate with
const OTHER = "\u0000own"; // of the choices of data: a path is typed

/** What a schedule is, short: "OneCycle, peak 0.01". */
const schedule = (table) =>
  Object.entries(table)
    .map(([key, value]) => (key === "name" ? value : `${key} ${value}`))
    .join(", ");
const peak = (rate) =>
  typeof rate === "number"
    ? rate
    : Number(rate?.peak ?? rate?.initial_learning_rate ?? Object.values(rate ?? {}).find((one) => typeof one === "number") ?? 0.01);

/**
 * The form. `put(recipe, values)` shows a recipe; what is changed goes to `onset`.
 * @param {(changes: Object<string, any>) => void} onset
 */
export function trainForm(onset) {
  const data = h("section", { class: "card" });
  const learning = h("section", { class: "card learning" });
  const node = h("div", { class: "form" }, data, learning);
  const lead = h("p", { class: "lead" });
  const few = h("p", { class: "lead warn" });
  const own = ownPart({
    onread: ({ data, read = {} }) => onset({ data, more: { ...withoutReading(), ...asRead(read) } }),
    onforget: () => onset({ data: null, more: withoutReading() }),
  });
  let kept = "";
  let now = {}; // the address's values

  const withoutReading = () => Object.fromEntries(Object.entries(now.more ?? {}).filter(([key]) => !isReading(key)));
  // Whole, in place of what a run that the form starts from found out when the same data were read otherwise.
  const asRead = (read) => ({ read: Object.keys(read).length ? read : null });

  const fields = (recipe, values) => {
    const rate = recipe.train.learning_rate;
    const batch = recipe.train.batch_size;
    const plan = Array.isArray(batch);
    const optimizers = store.start.optimizers.map((one) => [one.name, one.title ?? one.name]);
    if (!optimizers.some(([name]) => name === recipe.train.optimizer) && recipe.train.optimizer)
      optimizers.push([recipe.train.optimizer, recipe.train.optimizer]);
    return {
      opt: choice(t("optimizer"), optimizers, recipe.train.optimizer ?? "sgd", (opt) =>
        onset({ opt, lr: null, more: withoutOptions(values.more) }),
      ),
      lr:
        typeof rate === "object" && rate !== null
          ? h(
              "div",
              { class: "told" },
              t("schedule", schedule(rate)),
              " ",
              button(null, t("fixRate"), () => onset({ lr: peak(rate) }), { kind: "small" }),
            )
          : slider({
              label: t("learningRate"),
              low: 0.00001,
              high: 10,
              top: 1,
              log: true,
              value: rate ?? 0.01,
              onset: (lr) => onset({ lr }),
            }),
      batch: plan
        ? h(
            "div",
            { class: "told" },
            t("batchPlan", batch.map((one) => one.join("×")).join(", ")),
            " ",
            button(null, t("fixRate"), () => onset({ batch: batch[0][1] }), { kind: "small" }),
          )
        : slider({
            label: t("batchSize"),
            low: 1,
            high: 8192,
            top: 1024,
            log: true,
            whole: true,
            value: batch,
            onset: (size) => onset({ batch: size }),
          }),
      epochs: slider({
        label: t("epochs"),
        low: 1,
        high: 1000,
        top: 100,
        log: true,
        whole: true,
        value: recipe.train.epochs,
        onset: (epochs) => onset({ epochs }),
      }),
      split: slider({ label: t("split"), low: 0.01, high: 0.99, step: 0.01, value: recipe.split, onset: (split) => onset({ split }) }),
      seed: slider({
        label: t("seed"),
        low: 0,
        high: 4294967295,
        top: 20,
        whole: true,
        value: recipe.seed,
        onset: (seed) => onset({ seed }),
      }),
    };
  };

  const withoutOptions = (more) =>
    Object.fromEntries(Object.entries(more ?? {}).filter(([key]) => !["train.momentum", "train.nesterov"].includes(key)));

  // How the rows are shared out; few of them make an accuracy that moves in steps.
  function putLead(recipe) {
    const known = own.waits() ? null : dataOf(recipe);
    const rows = known && [known.classes, count(known.learn), count(known.validate), count(known.test)];
    lead.textContent = !known ? "" : known.reads === "sentences" ? t("sentencesShape", ...rows) : t("dataShape", known.shape.join(" × "), ...rows);
    few.textContent = known && known.validate > 0 && known.validate < FEW ? t("fewRows", known.validate, percent(1 / known.validate, 0)) : "";
    few.hidden = !few.textContent;
  }

  // Only what is not being edited is built anew: a slider under the finger stays.
  node.put = (recipe, values) => {
    now = values;
    putLead(recipe);
    own.put(recipe.data, ownData(recipe.data), recipe.read);
    const told = JSON.stringify([{ ...recipe, model: null }, document.documentElement.lang, store.start.drawings?.length, store.start.own?.length]);
    if (told === kept || (node.contains(document.activeElement) && node.matches(":focus-within") && kept && sameShape(recipe, values))) {
      kept = told;
      return;
    }
    kept = told;
    const made = fields(recipe, values);
    const choices = dataChoices((name) => t("ownDrawings", name));
    if (!choices.some(([name]) => name === recipe.data)) choices.push([recipe.data, recipe.data.split(/[\\/]/).pop()]);
    const dataBox = choice(t("data"), [...choices, [OTHER, t("ownData")]], own.waits() ? OTHER : recipe.data, (name) => {
      if (name !== OTHER) {
        own.close();
        onset({ data: name, more: { ...withoutReading(), ...(ownData(name) ? asRead(ownData(name).read) : {}) } });
        return;
      }
      own.open();
      putLead(recipe);
    });
    dataBox.classList.add("wide");
    dataBox.firstChild.className = "unseen";
    data.replaceChildren(
      h("h2", {}, t("data")),
      dataBox,
      lead,
      few,
      own,
      made.split,
      made.seed,
    );
    learning.replaceChildren(h("h2", {}, t("learning")), made.opt, made.lr, made.batch, made.epochs);
    const also = Object.fromEntries(Object.entries(values.more ?? {}).filter(([key]) => !isReading(key))); // which has switches
    if (Object.keys(also).length)
      learning.append(
        h("h3", {}, t("also")),
        h(
          "div",
          { class: "row" },
          chips(also, (key) => {
            const more = { ...values.more };
            delete more[key];
            onset({ more });
          }),
        ),
      );
    node.shape = shapeOf(recipe, values);
  };
  const shapeOf = (recipe, values) =>
    JSON.stringify([
      typeof recipe.train.learning_rate,
      Array.isArray(recipe.train.batch_size),
      recipe.train.optimizer,
      recipe.data,
      values.more,
    ]);
  const sameShape = (recipe, values) => node.shape === shapeOf(recipe, values);
  node.end = own.end;
  return node;
}
