// The recipe that the form stands for: a base, and over it what the address says.
import { get, at } from "./api.js";
import { store } from "./store.js";

/** @typedef {{data: string, split: number, seed: number, model: Object<string, any>, train: Object<string, any>}} Recipe */

const bases = new Map();

const each = (value, i) => (Array.isArray(value) ? value[i] : value);

/** The layers of the catalog's plain networks, which one can go on with by hand; null for the others. @param {Object<string, any>} model */
export function asLayers(model) {
  const dense = (units) => ({ layer: "dense", units, activation: model.activation ?? "relu" });
  const drop = model.dropout ? [{ layer: "dropout", rate: model.dropout }] : [];
  if (model.name === "layers") return model.layers;
  if (model.name === "notes-mlp" || model.name === "mlp")
    return model.hidden ? model.hidden.flatMap((units) => [dense(units), ...drop]) : null;
  if (model.name !== "notes-cnn" || !model.filters) return null;
  const blocks = model.filters.flatMap((filters, i) => {
    const size = each(model.pool_size, i);
    const pooling = each(model.pooling, i);
    const conv = {
      layer: "conv",
      filters,
      kernel: each(model.kernel_size, i),
      stride: each(model.stride, i),
      padding: each(model.padding, i),
      activation: model.activation,
    };
    return pooling === "none"
      ? [conv]
      : [conv, { layer: `${pooling}_pool`, size, stride: each(model.pool_stride, i) || size, padding: each(model.pool_padding, i) }];
  });
  return [...blocks, ...drop, ...(model.hidden ?? []).flatMap((units) => [dense(units), ...drop])];
}

/** The recipe that the form starts from: of a name, or of a run. @param {string} base @returns {Promise<{recipe: Recipe, layers: any[]|null}>} */
export async function baseOf(base) {
  if (base.startsWith("run:")) {
    const name = base.slice(4);
    if (!bases.has(name)) {
      const told = name ? await get(at("runs", name)) : {};
      if (!told.recipe) throw new Error(name);
      bases.set(name, { recipe: told.recipe, layers: told.layers ?? asLayers(told.recipe.model) });
    }
    return bases.get(name);
  }
  const found = store.start.recipes.find((one) => one.name === base) ?? store.start.recipes[0];
  return { recipe: found.recipe, layers: found.layers ?? asLayers(found.recipe.model) };
}

function put(recipe, dotted, value) {
  const parts = dotted.split(".");
  let there = recipe;
  for (const part of parts.slice(0, -1)) there = there[part] ??= {};
  const last = parts[parts.length - 1];
  if (value === null) delete there[last];
  else there[last] = value;
}

const GENERAL = new Set([
  "epochs",
  "batch_size",
  "optimizer",
  "learning_rate",
  "loss",
  "metrics",
  "augment",
  "label_smoothing",
  "average",
  "outliers",
  "tta",
  "members",
]);

/** The whole recipe. @param {Recipe} base @param {Object<string, any>} v the address's values @returns {Recipe} */
export function recipeOf(base, v) {
  const recipe = structuredClone(base);
  if (v.data !== null) {
    if (v.data !== recipe.data) delete recipe.read; // how other data were read
    recipe.data = v.data;
  }
  if (v.split !== null) recipe.split = v.split;
  if (v.seed !== null) recipe.seed = v.seed;
  if (v.layers !== null) recipe.model = { name: "layers", layers: v.layers };
  if (v.opt !== null && v.opt !== recipe.train.optimizer) {
    for (const key of Object.keys(recipe.train)) if (!GENERAL.has(key)) delete recipe.train[key]; // another optimizer has other options
    recipe.train.optimizer = v.opt;
    const known = store.start.optimizers.find((one) => one.name === v.opt);
    if (known?.learning_rate) recipe.train.learning_rate = known.learning_rate;
  }
  if (v.lr !== null) recipe.train.learning_rate = v.lr;
  if (v.batch !== null) recipe.train.batch_size = v.batch;
  if (v.epochs !== null) recipe.train.epochs = v.epochs;
  for (const [key, value] of Object.entries(v.more ?? {})) put(recipe, key, value);
  return recipe;
}

const SHORT = {
  data: "data",
  split: "split",
  seed: "seed",
  "train.optimizer": "opt",
  "train.learning_rate": "lr",
  "train.batch_size": "batch",
  "train.epochs": "epochs",
  "model.layers": "layers",
};

function flat(change, before = "") {
  return Object.entries(change).flatMap(([key, value]) => {
    const name = before + key;
    const table = value !== null && typeof value === "object" && !Array.isArray(value);
    return table && (name === "train" || name === "model") ? flat(value, `${name}.`) : [[name, value]];
  });
}

/** What the address becomes when a finding's change is taken. @param {Object<string, any>} change dotted or nested settings */
export function changed(change, values) {
  const next = { more: { ...values.more } };
  for (const [key, value] of flat(change)) {
    const short = SHORT[key] ?? (GENERAL.has(key) ? SHORT[`train.${key}`] : undefined);
    const simple = typeof value !== "object" || short === "layers";
    if (short && simple) next[short] = value;
    else next.more[key.includes(".") || ["tokens", "read", "split_seed"].includes(key) ? key : `train.${key}`] = value;
  }
  if ("model.name" in next.more) next.layers = null;
  return next;
}

/** The address's values that give a recipe by names that the form knows: for tests and links. */
export const untouched = () => ({
  data: null,
  layers: null,
  opt: null,
  lr: null,
  batch: null,
  epochs: null,
  split: null,
  seed: null,
  more: {},
});

/** The data sets that can be chosen: known ones, and the drawings that were kept. */
export const dataChoices = (named) => [
  ...store.start.datasets.map((one) => [one.name, one.title ?? one.name]),
  ...(store.start.drawings ?? []).filter((one) => one.data).map((one) => [one.data, named(one.name)]),
  ...(store.start.own ?? []).map((one, _, all) => [
    one.data,
    all.some((other) => other !== one && other.title === one.title) ? one.data.split(/[\\/]/).slice(-2).join("/") : one.title,
  ]),
];

/** What was found in data of one's own; undefined of all other. @param {string} data */
export const ownData = (data) => (store.start.own ?? []).find((one) => one.data === data);
/** Whether a setting of the address is of how data are read. @param {string} key */
export const isReading = (key) => key === "read" || key.startsWith("read.");
const readAlike = (one, two) => ["clean", "skip_unreadable"].every((key) => Boolean(one?.[key]) === Boolean(two?.[key]));
/** What a recipe's network takes: "pictures" or "sentences". @param {Recipe} recipe */
export const readsOf = (recipe) => store.start.recipes.find((one) => one.recipe.model.name === recipe.model.name)?.reads ?? "pictures";

const SET_ASIDE = 0.2; // of drawings: those that the test has

/**
 * What is known of a recipe's data without reading them; null of other data.
 * @param {Recipe} recipe
 * @returns {{shape: number[], classes: number, learn: number, validate: number, test: number, reads?: string}|null}
 */
export function dataOf(recipe) {
  const known = store.start.datasets.find((one) => one.name === recipe.data);
  const drawn = (store.start.drawings ?? []).find((one) => one.data === recipe.data);
  const counts = Object.values(drawn?.classes ?? {});
  const all = counts.reduce((sum, one) => sum + one, 0);
  const test = known ? known.rows[1] : all - Math.round(all * (1 - SET_ASIDE));
  const rest = known ? known.rows[0] : all - test;
  const own = ownData(recipe.data);
  if (own && !readAlike(own.read, recipe.read)) return null;
  if (own) {
    const [one, two, test] = own.rows;
    const learn = own.own_validation ? one : Math.max(1, Math.min(one + two - 1, Math.round((one + two) * recipe.split)));
    return { shape: own.shape, classes: own.classes.length, learn, validate: one + two - learn, test, reads: own.reads };
  }
  if (!known && !drawn) return null;
  const learn = Math.round(rest * recipe.split);
  const size = recipe.read?.size ?? [28, 28];
  const shape = known ? known.shape : [].concat(size, typeof size === "number" ? size : []);
  return { shape, classes: known ? known.classes.length : counts.length, learn, validate: rest - learn, test };
}

/** The recipes that can be started from, for what data hold. @param {"pictures"|"sentences"} [reads] @returns {[string, string][]} */
export const recipeChoices = (reads = "pictures") => store.start.recipes.filter((one) => one.reads === reads).map((one) => [one.name, one.name]);

/** Whether two plain values are the same. */
export const same = (one, two) => JSON.stringify(one) === JSON.stringify(two);
