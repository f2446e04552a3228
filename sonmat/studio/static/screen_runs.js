// Runs: a list of thousands that scrolls smoothly, since only the rows in view are in the page.
import { at, remove, told } from "./api.js";
import { short } from "./controls.js";
import { button, h, speak, sure } from "./dom.js";
import { place } from "./state.js";
import { called, on, store } from "./store.js";
import { count, number, percent, stateName, t, time, when } from "./texts.js";

const HIGH = 44; // pixels a row
const SPARE = 6;
const NAMED = 12; // runs that are named before they are deleted
const narrow = matchMedia("(max-width: 860px)");

/** @type {[string, string, (row: any) => any, (row: any) => string][]} key, text, what it is sorted by, what is shown */
const COLUMNS = [
  ["name", "name", (row) => called(row).toLowerCase(), (row) => (narrow.matches ? short(row) : called(row))],
  ["state", "state", (row) => row.state, (row) => stateName(row.state)],
  ["model", "model", (row) => row.model, (row) => row.model],
  ["data", "dataColumn", (row) => row.data, (row) => String(row.data).split(/[\\/]/).pop()],
  ["val_accuracy", "valAccuracyShort", (row) => row.val_accuracy, (row) => percent(row.val_accuracy)],
  ["val_loss", "valLossShort", (row) => row.val_loss, (row) => number(row.val_loss)],
  ["epochs", "epochs", (row) => row.epochs, (row) => `${row.epochs}/${row.of}`],
  ["seconds", "time", (row) => row.seconds, (row) => time(row.seconds)],
  ["parameters", "parameters", (row) => row.parameters, (row) => count(row.parameters)],
  ["made", "made", (row) => row.made, (row) => when(row.made)],
];
const NUMERIC = new Set(["val_accuracy", "val_loss", "epochs", "seconds", "parameters"]);

export function mount(root) {
  let rows = [];
  let asked = 0;
  let kept = new Map();
  const find = h("input", {
    type: "search",
    id: "find",
    placeholder: t("findHint"),
    value: place.get("q"),
    "aria-label": t("find"),
    oninput: () => {
      place.set({ q: find.value });
      arrange();
    },
  });
  const told_ = h("span", { class: "soft small", "aria-live": "polite" });
  const acts = h("div", { class: "row acts" });
  const all = h("input", {
    type: "checkbox",
    "aria-label": t("chooseAll"),
    onchange: () => pick(all.checked ? rows.map((row) => row.name) : []),
  });
  const head = h(
    "div",
    { class: "line heads", role: "row" },
    h("span", { role: "columnheader" }, all),
    COLUMNS.map(([key, text]) =>
      h(
        "span",
        { role: "columnheader", class: `c-${key}${NUMERIC.has(key) ? " right" : ""}`, data: { key } },
        button(null, t(text), () => sort(key), { kind: "quiet small" }),
      ),
    ),
  );
  const room = h("div", { class: "room", role: "rowgroup" });
  const view = h(
    "div",
    { class: "list", tabIndex: 0, role: "table", "aria-label": t("runs") },
    h("div", { role: "rowgroup", class: "headroom" }, head),
    room,
  );
  const empty = h("div", { class: "empty", hidden: true });
  root.append(
    h("h1", { class: "unseen" }, t("runs")),
    h("div", { class: "row apart toolbar" }, h("div", { class: "row" }, find, told_), acts),
    h("section", { class: "card flush" }, view, empty),
  );

  function sort(key) {
    place.set({ sort: key, up: place.get("sort") === key ? !place.get("up") : !NUMERIC.has(key) && key !== "made" });
    arrange();
  }

  function arrange() {
    const wanted = place.get("q").trim().toLowerCase().split(/\s+/).filter(Boolean);
    const text = (row) => `${row.name} ${row.title} ${row.model} ${row.data} ${row.state} ${stateName(row.state)}`.toLowerCase();
    rows = [...store.runs.values()].filter((row) => {
      const there = text(row);
      return wanted.every((word) => there.includes(word));
    });
    const column = COLUMNS.find(([key]) => key === place.get("sort")) ?? COLUMNS.at(-1);
    const sign = place.get("up") ? 1 : -1;
    rows.sort((one, two) => {
      const [a, b] = [column[2](one), column[2](two)];
      const [noA, noB] = [a === null || a === undefined, b === null || b === undefined];
      if (noA || noB) return noA - noB;
      return a < b ? -sign : a > b ? sign : one.made < two.made ? 1 : -1;
    });
    for (const cell of head.querySelectorAll("[data-key]")) {
      if (cell.dataset.key === column[0]) cell.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
      else cell.removeAttribute("aria-sort");
    }
    told_.textContent = t("shown", count(rows.length), count(store.runs.size));
    view.setAttribute("aria-rowcount", rows.length + 1);
    room.style.height = `${rows.length * HIGH}px`;
    empty.hidden = rows.length > 0;
    if (!rows.length)
      empty.replaceChildren(
        h("p", {}, t(store.runs.size ? "runsFound" : "noRuns", 0)),
        store.runs.size ? "" : h("a", { class: "button primary", href: place.to("train") }, t("trainOne")),
      );
    ask(true);
  }

  let stale = false;
  const ask = (anew = false) => {
    stale ||= anew;
    if (!asked)
      asked = requestAnimationFrame(() => {
        asked = 0;
        paint();
      });
  };

  // Rows that leave the view are taken up again for those that enter it.
  function paint() {
    const first = Math.max(0, Math.floor(view.scrollTop / HIGH) - SPARE);
    const last = Math.min(rows.length, Math.ceil((view.scrollTop + view.clientHeight) / HIGH) + SPARE);
    const wanted = new Set();
    for (let i = first; i < last; i++) wanted.add(i);
    const free = [];
    for (const [i, line] of kept)
      if (!wanted.has(i)) {
        free.push(line);
        kept.delete(i);
      }
    for (const i of wanted) {
      let line = kept.get(i);
      const isNew = !line;
      if (isNew) {
        line = free.pop() ?? make();
        kept.set(i, line);
        line.style.transform = `translateY(${i * HIGH}px)`;
        line.setAttribute("aria-rowindex", i + 2);
      }
      if (isNew || stale) fill(line, rows[i]);
    }
    for (const line of free) line.remove();
    stale = false;
    paintActs();
  }

  function make() {
    const box = h("input", {
      type: "checkbox",
      onchange: () => {
        const chosen = new Set(place.get("pick"));
        chosen[box.checked ? "add" : "delete"](line.run);
        pick([...chosen]);
      },
    });
    const line = h(
      "div",
      { class: "line", role: "row" },
      h("span", { role: "cell" }, box),
      COLUMNS.map(([key]) =>
        h(
          "span",
          { role: "cell", class: `c-${key}${NUMERIC.has(key) ? " right" : ""}` },
          key === "name" ? h("a", {}) : key === "state" ? h("span", { class: "badge" }) : null,
        ),
      ),
    );
    room.append(line);
    return line;
  }

  function fill(line, row) {
    line.run = row.name;
    const chosen = place.get("pick").includes(row.name);
    const box = line.firstChild.firstChild;
    box.checked = chosen;
    box.setAttribute("aria-label", t("choose", called(row)));
    line.classList.toggle("chosen", chosen);
    COLUMNS.forEach(([key, , , shown], i) => {
      const cell = line.children[i + 1];
      const text = shown(row);
      const target = key === "name" || key === "state" ? cell.firstChild : cell;
      if (target.textContent !== text) target.textContent = text;
      if (key === "name") {
        target.href = place.to("train", { base: `run:${row.name}`, run: row.name });
        target.title = row.name;
      }
      if (key === "state") target.className = `badge ${row.state}`;
    });
  }

  function pick(names) {
    place.set({ pick: names });
    all.checked = names.length > 0 && names.length === rows.length;
    ask(true);
  }

  let actsTold = "";
  function paintActs() {
    const chosen = place.get("pick").filter((name) => store.runs.has(name));
    const away = chosen.filter((name) => !rows.some((row) => row.name === name)).length;
    const told = JSON.stringify([away, chosen, chosen.map((one) => store.runs.get(one).state)]);
    if (told === actsTold) return;
    actsTold = told;
    if (!chosen.length) {
      acts.replaceChildren();
      return;
    }
    const [first, ...others] = chosen;
    const going = chosen.some((one) => store.runs.get(one).state === "training");
    acts.replaceChildren(
      h("span", { class: "soft small" }, away ? t("notShown", chosen.length, away) : t("chosen", chosen.length)),
      h(
        "a",
        { class: "button small", id: "compare", href: place.to("train", { base: `run:${first}`, run: first, beside: others.slice(0, 4) }) },
        t("compare"),
      ),
      h("a", { class: "button small", href: place.to("draw", { runs: chosen.slice(0, 4) }) }, t(chosen.length > 1 ? "openDrawMany" : "openDraw")),
      button("bin", t("remove"), () => erase(chosen), { kind: "small", disabled: going, id: "erase" }),
      button(null, t("clearChosen"), () => pick([]), { kind: "small quiet" }),
    );
  }

  async function erase(names) {
    const shown = names.map((name) => called(store.runs.get(name)));
    const named = names.length > 1 ? [...shown.slice(0, NAMED), ...(shown.length > NAMED ? [t("andMore", shown.length - NAMED)] : [])] : [];
    const question = names.length === 1 ? t("sureDelete", called(store.runs.get(names[0]))) : t("sureDeleteMany", names.length);
    if (!(await sure(question, t("remove"), t("cancel"), named))) return;
    for (const name of names) await remove(at("runs", name)).catch(told);
    speak(t("deleted"));
    pick(place.get("pick").filter((one) => store.runs.has(one) && !names.includes(one)));
  }

  view.addEventListener("scroll", () => ask(), { passive: true });
  const size = new ResizeObserver(() => ask());
  size.observe(view);
  let waiting = 0;
  const off = on("runs", () => {
    if (!waiting)
      waiting = setTimeout(() => {
        waiting = 0;
        arrange();
      }, 200);
  });
  arrange();
  return {
    unmount() {
      off();
      size.disconnect();
      clearTimeout(waiting);
      cancelAnimationFrame(asked);
      kept = new Map();
    },
  };
}
