// Controls that several screens share: a slider with its number, a choice, the picker of a run.
import { button, h, notice } from "./dom.js";
import { place } from "./state.js";
import { called, on, store, trained } from "./store.js";
import { count, percent, t, when } from "./texts.js";

const plainly = (value) => (value % 1 || Math.abs(value) < 1000 ? String(value) : count(value));
/** What stands in a field: what is trained has all its digits. */
const written = (value) => (Number.isInteger(value) ? value : Number(Number(value).toPrecision(5)));
const near = (value) => Number(Number(value).toPrecision(3));
let made = 0;

/** What a run is called where there is little room: its title, else its network and when it was made. @param {import("./store.js").Row} row */
export const short = (row) => row.title || `${row.name.replace(/^\d{8}-\d{6}-/, "")} ${when(row.made, true)}`;

/**
 * A slider and a number beside it, which agree. A number that cannot be stays as it was typed, says what could be, and is not handed on:
 * the field is `aria-invalid`, and a "fit" event goes up whenever that changes, so that nothing is begun with a number that is not shown.
 * @param {{label: string, low: number, high: number, value: number, step?: number, whole?: boolean, log?: boolean, top?: number, onset: (value: number) => void}} o
 *   `top`: the slider's end where the number may be larger
 * @returns {HTMLElement & {put: (value: number) => void}}
 */
export function slider(o) {
  const id = `f${++made}`;
  const top = o.top ?? o.high;
  const to = (value) => (o.log ? (Math.log(value / o.low) / Math.log(top / o.low)) * 1000 : value);
  const back = (place) => {
    const value = o.log ? o.low * (top / o.low) ** (place / 1000) : Number(place);
    return o.whole ? Math.round(value) : near(value);
  };
  const range = h("input", {
    type: "range",
    min: o.log ? 0 : o.low,
    max: o.log ? 1000 : top,
    step: o.log ? 1 : (o.step ?? 1),
    "aria-label": o.label,
    tabIndex: 0,
  });
  const field = h("input", { type: "number", id, min: o.low, max: o.high, step: o.whole ? 1 : "any", inputMode: "decimal" });
  const paint = (value) => {
    const part = Math.max(0, Math.min(1, (to(value) - Number(range.min)) / (Number(range.max) - Number(range.min))));
    range.style.setProperty("--part", `${100 * part}%`);
    range.setAttribute("aria-valuetext", String(value));
  };
  const why = h("p", { class: "unfit", id: `${id}w`, role: "alert", hidden: true });
  const node = h("div", { class: "field" }, h("label", { htmlFor: id }, o.label), field, range, why);
  let now = o.value;
  const fits = (value) => Number.isFinite(value) && value >= o.low && value <= o.high && !(o.whole && value % 1);
  const judge = () => {
    const bad = field.value === "" || !fits(Number(field.value));
    if (bad) why.replaceChildren(t(o.whole ? "unfitWhole" : "unfitNumber", o.label, plainly(o.low), plainly(o.high)), " ", mend());
    if (bad === !why.hidden) return bad;
    why.hidden = !bad;
    field.setAttribute("aria-invalid", String(bad));
    field[bad ? "setAttribute" : "removeAttribute"]("aria-describedby", why.id);
    node.dispatchEvent(new Event("fit", { bubbles: true }));
    return bad;
  };
  // The nearest number that can be, one press away.
  const mend = () => {
    const typed = Number(field.value);
    const near_ = field.value === "" || !Number.isFinite(typed) ? now : Math.max(o.low, Math.min(o.high, typed));
    const value = o.whole ? Math.round(near_) : near_;
    return fits(value) ? button(null, t("useInstead", plainly(value)), () => choose(value), { kind: "small" }) : "";
  };
  const choose = (value) => {
    field.value = value;
    take(value);
    field.focus();
  };
  const take = (value) => {
    if (judge()) return;
    now = value;
    range.value = to(value);
    paint(value);
    o.onset(value);
  };
  node.put = (value) => {
    now = value;
    range.value = to(value);
    if (document.activeElement !== field) field.value = written(value);
    paint(value);
    judge();
  };
  range.addEventListener("input", () => {
    field.value = back(range.value);
    take(Number(field.value));
  });
  field.addEventListener("input", () => take(Number(field.value)));
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !why.hidden) choose(now);
  });
  node.put(o.value);
  field.value = written(o.value);
  return node;
}

/** A choice. @param {string} label @param {[any, string][]} options @param {any} value @param {(value: string) => void} onset */
export function choice(label, options, value, onset) {
  const id = `f${++made}`;
  const box = h(
    "select",
    { id, onchange: () => onset(box.value) },
    options.map(([one, name]) => h("option", { value: one }, name)),
  );
  box.value = value;
  const node = h("div", { class: "field" }, h("label", { htmlFor: id }, label), box);
  node.put = (one) => {
    box.value = one;
  };
  return node;
}

/** A switch. @param {string} label @param {boolean} value @param {(value: boolean) => void} onset */
export function toggle(label, value, onset) {
  const box = h("input", { type: "checkbox", role: "switch", checked: value, onchange: () => onset(box.checked) });
  const node = h("label", { class: "switch" }, box, label);
  node.put = (one) => {
    box.checked = one;
  };
  return node;
}

/** Runs that answer: those that have a network. */
const answering = () => trained().filter((row) => row.answers);

const line = (row) =>
  `${short(row)} · ${row.val_accuracy === null || row.val_accuracy === undefined ? row.model : percent(row.val_accuracy)}`;

/**
 * Which run: its options follow what trains.
 * @param {{label?: string, value: string, none?: string, without?: string[], onset: (name: string) => void}} o
 */
export function runPicker(o) {
  const box = h("select", { class: "runpick", "aria-label": o.label ?? t("pickRun"), onchange: () => o.onset(box.value) });
  const fill = () => {
    const rows = answering().filter((row) => !(o.without ?? []).includes(row.name));
    const wanted = box.value || o.value;
    const told = rows.map((row) => `${row.name}${line(row)}`).join("\n");
    if (box.dataset.told === told && box.options.length) return;
    box.dataset.told = told;
    box.replaceChildren(
      ...(o.none === undefined ? [] : [h("option", { value: "" }, o.none)]),
      ...rows.slice(0, 300).map((row) => h("option", { value: row.name }, line(row))),
    );
    if (wanted && ![...box.options].some((one) => one.value === wanted) && store.runs.has(wanted))
      box.append(h("option", { value: wanted }, line(store.runs.get(wanted))));
    box.value = o.none !== undefined && !o.value ? "" : wanted;
    if (box.selectedIndex < 0) box.selectedIndex = 0;
  };
  fill();
  box.value = o.value;
  if (box.selectedIndex < 0) box.selectedIndex = 0;
  const off = on("runs", fill);
  box.end = off;
  box.put = (name) => {
    o.value = name;
    box.value = name;
  };
  return box;
}

/** The run that a screen shows: the address's, else the last one chosen anywhere, else the newest. */
export function chosenRun(key = "run") {
  const asked = place.get(key);
  const known = (name) => Boolean(store.runs.get(name)?.answers);
  const name = Array.isArray(asked) ? asked.find(known) : asked;
  if (name && known(name)) return name;
  const missing = [].concat(asked).find((one) => one && !store.runs.has(one));
  if (missing) notice(t("gone", missing));
  if (remembered && known(remembered)) return remembered;
  const rows = answering();
  return (rows.find((row) => row.state === "finished") ?? rows[0])?.name ?? "";
}
let remembered = "";
/** The run that the person chose: other screens show it too. */
export const remember = (name) => {
  remembered = name;
};

/** What stands where there is no run yet. */
export const noRuns = () =>
  h(
    "div",
    { class: "empty" },
    h("p", {}, t("noRuns")),
    h("p", {}, h("a", { class: "button primary", href: place.last.train ?? "#/train" }, t("trainOne"))),
  );

/** A list of settings as chips that can be taken back. */
export const chips = (settings, undo) =>
  Object.entries(settings).map(([key, value]) =>
    h(
      "span",
      { class: "chip" },
      h("b", {}, `${key.replace(/^(train|model)\./, "")} = ${typeof value === "object" ? JSON.stringify(value) : value}`),
      button("close", t("undoSetting", key), () => undo(key), { text: false }),
    ),
  );
