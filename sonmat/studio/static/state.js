// All state of the studio is in the address: `#/train?base=quick&epochs=4`. One table names every key, its default and its type.

/** @typedef {"text"|"number"|"flag"|"list"|"json"|"pair"|"layers"} Kind */

const shared = { lang: ["", "text"], theme: ["", "text"] };

/** @type {Object<string, Object<string, [any, Kind]>>} */
export const TABLE = {
  train: {
    base: ["notes-mlp", "text"], // a recipe's name, or "run:NAME"
    data: [null, "text"],
    layers: [null, "layers"],
    opt: [null, "text"],
    lr: [null, "number"],
    batch: [null, "number"],
    epochs: [null, "number"],
    split: [null, "number"],
    seed: [null, "number"],
    more: [{}, "json"], // other settings by their dotted names
    follow: [false, "flag"],
    run: ["", "text"],
    beside: [[], "list"],
  },
  runs: { q: ["", "text"], sort: ["made", "text"], up: [false, "flag"], pick: [[], "list"] },
  draw: { runs: [[], "list"], width: [30, "number"], ink: ["", "text"], text: ["", "text"], set: ["", "text"], label: ["", "text"] },
  look: {
    run: ["", "text"],
    beside: ["", "text"],
    epoch: [null, "number"],
    epoch2: [null, "number"],
    part: ["validation", "text"],
    pick: [0, "number"],
    mine: [false, "flag"],
    ink: ["", "text"],
    width: [30, "number"],
    layer: ["", "text"],
    filter: [0, "number"],
    channel: [0, "number"],
    at: [null, "pair"],
    demo: [false, "flag"],
    kind: ["conv", "text"],
    size: [3, "number"],
    stride: [1, "number"],
    pad: [0, "number"],
    kernel: ["edge", "text"],
  },
  sweep: {
    study: ["", "text"],
    base: ["notes-mlp", "text"],
    space: [{}, "json"],
    trials: [32, "number"],
    halving: [true, "flag"],
    finalists: [3, "number"],
    seeds: [3, "number"],
    sampler: ["qmc", "text"],
    epochs: [null, "number"],
    across: [0, "number"],
    trial: [null, "number"],
  },
  test: { run: ["", "text"], part: ["validation", "text"], cell: [null, "pair"] },
};
export const SCREENS = Object.keys(TABLE);

/** The settings of each kind of layer, in the order that the address has them. */
export const LAYER_KEYS = {
  dense: ["units", "activation"],
  conv: ["filters", "kernel", "stride", "padding", "activation"],
  max_pool: ["size", "stride", "padding"],
  average_pool: ["size", "stride", "padding"],
  dropout: ["rate"],
  batch_norm: ["momentum"],
  activation: ["activation"],
};

const plain = (text) => (text !== "" && Number.isFinite(Number(text)) ? Number(text) : text);
const keysOf = (layer) => (Object.hasOwn(LAYER_KEYS, layer) ? LAYER_KEYS[layer] : []);
const layerText = (one) => [one.layer, ...keysOf(one.layer).map((key) => one[key] ?? "")].join(":").replace(/:+$/, "");
// What a link leaves out of a layer is as by default; a kind that there is not stays, so that its card says so.
const layerOf = (text) => {
  const [layer, ...values] = text.split(":");
  const given = keysOf(layer).map((key, i) => [key, plain(values[i] ?? "")]);
  return { layer, ...Object.fromEntries(given.filter(([, value]) => value !== "")) };
};
const CODE = {
  text: [String, (text) => text],
  number: [String, (text) => (Number.isFinite(Number(text)) && text !== "" ? Number(text) : undefined)],
  flag: [(value) => (value ? "1" : "0"), (text) => text === "1"],
  list: [(value) => value.map(encodeURIComponent).join(","), (text) => text.split(",").filter(Boolean).map(decodeURIComponent)],
  json: [JSON.stringify, JSON.parse],
  pair: [
    JSON.stringify,
    (text) => {
      const value = JSON.parse(text);
      return Array.isArray(value) && value.length === 2 && value.every((one) => Number.isInteger(one) && one >= 0) ? value : undefined;
    },
  ],
  layers: [(layers) => layers.map(layerText).join("~"), (text) => text.split("~").filter(Boolean).map(layerOf)],
};

/** The ends of numbers that a screen draws by. @type {Object<string, [number, number]>} */
const ENDS = {
  size: [1, 9],
  stride: [1, 5],
  pad: [0, 4],
  pick: [0, 1e9],
  filter: [0, 1e6],
  channel: [0, 1e6],
  across: [0, 1e3],
  width: [8, 52],
};

// A link may have been cut off on its way, or written by hand: what cannot be read is as by default.
function read(kind, text) {
  try {
    return CODE[kind][1](text);
  } catch {
    return undefined;
  }
}

function fits(kind, key, value, fallback) {
  if (value === undefined) return false;
  if (kind === "number" && key in ENDS) return Number.isInteger(value) && value >= ENDS[key][0] && value <= ENDS[key][1];
  const table = (one) => one !== null && typeof one === "object" && !Array.isArray(one);
  if (key === "space") return table(value) && Object.values(value).every(table);
  return !table(fallback) || table(value);
}

/** Reads an address. @param {string} hash @returns {{screen: string, values: Object<string, any>}} */
export function parse(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const screen = SCREENS.includes(path) ? path : "train";
  const given = new URLSearchParams(query);
  const values = {};
  for (const [key, [fallback, kind]] of Object.entries({ ...TABLE[screen], ...shared })) {
    const value = given.has(key) ? read(kind, given.get(key)) : undefined;
    values[key] = fits(kind, key, value, fallback) ? value : structuredClone(fallback);
  }
  return { screen, values };
}

/** Writes an address; what is as by default is left out. @param {string} screen @param {Object<string, any>} values */
export function format(screen, values) {
  const query = new URLSearchParams();
  for (const [key, [fallback, kind]] of Object.entries({ ...TABLE[screen], ...shared })) {
    const value = values[key];
    if (value === null || value === undefined || JSON.stringify(value) === JSON.stringify(fallback)) continue;
    query.set(key, CODE[kind][0](value));
  }
  const text = query.toString().replaceAll("%3A", ":").replaceAll("%7E", "~").replaceAll("%2C", ",");
  return `#/${screen}${text ? `?${text}` : ""}`;
}

/** Where the person is. `set` changes the address without a new entry in the history unless `push`. */
export const place = {
  ...parse(location.hash),
  /** The last address of each screen, which its tab goes back to. @type {Object<string, string>} */
  last: {},
  get(key) {
    return this.values[key];
  },
  set(changes, push = false) {
    Object.assign(this.values, changes);
    const hash = format(this.screen, this.values);
    this.last[this.screen] = hash;
    if (hash === location.hash) return;
    history[push ? "pushState" : "replaceState"](null, "", hash);
    dispatchEvent(new Event("place"));
  },
  read() {
    Object.assign(this, parse(location.hash));
    this.last[this.screen] = location.hash || `#/${this.screen}`;
  },
  /** The address of another screen with some of its keys set. */
  to(screen, changes = {}) {
    const { values } = parse(`#/${screen}`);
    return format(screen, { ...values, lang: this.values.lang, theme: this.values.theme, ...changes });
  },
  go(screen, changes = {}) {
    location.hash = this.to(screen, changes);
  },
};
