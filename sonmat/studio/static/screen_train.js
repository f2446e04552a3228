// Train: data, network, settings; a button; curves that move.
import { at, post, remove, told } from "./api.js";
import { choice, short, toggle } from "./controls.js";
import { button, h, later, speak } from "./dom.js";
import { Network } from "./layers.js";
import { baseOf, changed, dataOf, isReading, ownData, readsOf, recipeChoices, recipeOf, same, untouched } from "./recipe.js";
import { parse, place } from "./state.js";
import { on, readDrawings, store } from "./store.js";
import { count, t } from "./texts.js";
import { trainForm } from "./train_form.js";
import { liveView } from "./train_live.js";

const CHECK = 60; // ms after the last change
const FOLLOW = 350;

export function mount(root) {
  let base = null;
  let check = null;
  let stopped = null;
  let closed = false;
  const live = liveView({ onapply: apply, ontrained: () => {} });
  const network = new Network({
    onset: (layers) => edit({ layers }),
    input: () => dataOf(recipe())?.shape,
  });
  const form = trainForm((changes) => edit(changes));
  const go = button("play", t("startTrain"), () => start(), { kind: "primary big", id: "train" });
  const totals = h("p", { class: "totals soft small", "aria-live": "polite" });
  const follow = toggle(t("follow"), place.get("follow"), (on) => place.set({ follow: on }));
  const from = h("div", {});
  const column = h("section", { class: "card column" }, h("div", { class: "row apart" }, h("h2", {}, t("network")), from), network.node);
  root.append(
    h("h1", { class: "unseen" }, t("train")),
    h("div", { class: "transport card" }, go, follow, totals),
    h("div", { class: "board" }, form, column, live.node),
  );

  const recipe = () => recipeOf(base.recipe, place.values);

  // A link that names a run and no settings is of that run's settings.
  async function followRun() {
    const run = place.get("run");
    const plain = Object.entries(untouched()).every(([key, value]) => same(place.get(key), value));
    if (!run || !plain || place.get("base") !== parse("#/train").values.base) return;
    const of = await baseOf(`run:${run}`).catch(() => null);
    if (!of || same(of.recipe, base.recipe) || place.get("run") !== run) return;
    place.set({ base: `run:${run}` });
    base = of;
  }

  const calledBase = () => {
    const row = store.runs.get(place.get("base").slice(4));
    return row ? short(row) : place.get("base").slice(4);
  };

  async function open() {
    try {
      base = await baseOf(place.get("base"));
    } catch (error) {
      if (error.status) told(error);
      place.set({ base: "notes-mlp", ...untouched() });
      base = await baseOf("notes-mlp");
    }
    await followRun();
    if (closed) return;
    check = null;
    const choices = recipeChoices(dataOf(recipe())?.reads ?? readsOf(recipe()));
    if (place.get("base").startsWith("run:")) choices.unshift([place.get("base"), t("settingsOfRun", calledBase())]);
    from.replaceChildren(
      choice(t("startFrom"), choices, place.get("base"), (name) => {
        const own = ownData(recipe().data) ? { data: recipe().data, more: reading() } : {};
        place.set({ base: name, ...untouched(), ...own }, true);
        open();
        moved();
      }),
    );
    layers();
    form.put(recipe(), place.values);
    look.now();
  }

  /** What was set of how data are read. */
  const reading = () => Object.fromEntries(Object.entries(place.get("more")).filter(([key]) => isReading(key)));

  const building = () =>
    button(
      "plus",
      t("buildOwn"),
      () => {
        edit({
          layers: [
            { layer: "conv", filters: 16, kernel: 3, stride: 1, padding: "valid", activation: "relu" },
            { layer: "max_pool", size: 2, stride: 2, padding: "valid" },
          ],
        });
        layers();
      },
      { kind: "small" },
    );

  function layers() {
    const own = place.get("layers") ?? base.layers;
    const now = recipe().model;
    const fixed =
      own === null ||
      (place.get("layers") === null && Object.keys(place.get("more")).some((key) => key.startsWith("model.")) && now.name !== "layers");
    const note = fixed
      ? h(
          "div",
          {},
          h("p", {}, t("fixedNetwork")),
          readsOf(recipe()) === "sentences" ? null : building(),
        )
      : null;
    network.put(fixed ? [] : own, { fixed, note });
  }

  function edit(changes) {
    if (closed) return; // a field that loses the keyboard with its screen writes into no other screen's address
    if (changes.layers && base.layers && same(changes.layers, base.layers)) changes = { ...changes, layers: null };
    place.set(changes);
    if ("data" in changes && !fits()) return;
    form.put(recipe(), place.values);
    if ("more" in changes) layers();
    look();
    moved();
  }

  /** Whether the network can take the data; where not, one that can is started from instead. */
  function fits() {
    const wanted = dataOf(recipe())?.reads ?? "pictures";
    if (wanted === readsOf(recipe())) return true;
    const { data, split, seed } = place.values;
    place.set({ base: recipeChoices(wanted)[0][0], ...untouched(), data, split, seed, more: reading() });
    open();
    return false;
  }

  const look = later(async () => {
    if (!base) return;
    try {
      const asked = recipe();
      if (!network.fixed) asked.model = { name: "layers", layers: network.layers }; // the sizes of the cards, whoever builds them
      check = await post("/api/check", { recipe: asked });
    } catch (error) {
      if (!error.status) return;
      check = { ok: false, problem: error.message, fix: error.fix, at: null, layers: [] };
    }
    if (closed) return;
    network.tell(check);
    judge();
  }, CHECK);
  look.now = () => {
    look.cancel();
    look();
  };

  /** What forbids to train what is shown: a number in its field, or the network; "" where nothing does. */
  function forbidden() {
    if (root.querySelector('[aria-invalid="true"]')) return t("unfitNumbers");
    if (root.querySelector(".own.waits")) return t("ownFirst");
    if (!check || check.ok) return "";
    return check.at === null || check.at === undefined ? check.problem : t("cannotBe");
  }

  function judge() {
    const why = forbidden();
    go.disabled = Boolean(why);
    const { members = 1, epochs } = base?.recipe ? recipe().train : {};
    const steps = check?.steps ? ` · ${t("stepsAll", count(check.steps * epochs * members))}` : "";
    const size = check && (members > 1 ? t("membersAll", members, count(check.parameters)) : t("parametersAll", count(check.parameters)));
    totals.textContent = why || (check ? size + steps : "");
    totals.classList.toggle("badtext", Boolean(why));
  }
  root.addEventListener("fit", judge);

  const moved = later(() => {
    if (place.get("follow") && check?.ok) start();
  }, FOLLOW);

  // A run that the next one replaced before it had an epoch leaves no trace: nobody could do anything with it.
  const replaced = new Set();
  function discard({ name, state }) {
    if (!replaced.has(name) || !state || ["training", "waiting"].includes(state)) return;
    replaced.delete(name);
    if (store.runs.get(name)?.epochs === 0) remove(at("runs", name)).catch(() => {}); // gone already, or going on in another tab
  }

  let starting = false;
  let again = false;
  /** Train what the form says; one under way that this screen began and follows is stopped and replaced. */
  async function start() {
    if (forbidden()) return;
    if (starting) {
      again = place.get("follow"); // a second press of the button is no second training
      return;
    }
    starting = true;
    const pressed = performance.now();
    const before = place.get("run");
    const row = store.runs.get(before);
    try {
      if (place.get("follow") && row && ["training", "waiting"].includes(row.state)) {
        stopped = before;
        replaced.add(before);
        await post(at("runs", before, "stop"));
      }
      const { name } = await post("/api/runs", { recipe: recipe(), title: "" });
      const others = place.get("beside").filter((one) => one !== before);
      const beside = before && before !== stopped ? [...others, before].slice(-4) : others;
      place.set({ run: name, beside }, !place.get("follow"));
      speak(t("startedSpoken", name));
      if (!closed) live.show(name, pressed);
    } catch (error) {
      told(error);
    }
    starting = false;
    if (again) {
      again = false;
      start();
    }
  }

  // What a finding advises: going on with the run, or training another.
  async function apply(run, change, command) {
    try {
      if (command.startsWith("sonmat resume ")) {
        await post(at("runs", run, "resume"), { epochs: change["train.epochs"] });
        return;
      }
      const of = await baseOf(`run:${run}`);
      base = of;
      const next = changed(change, { ...place.values, ...untouched() });
      place.set({ base: `run:${run}`, ...untouched(), ...next }, true);
      await open();
      await start();
    } catch (error) {
      told(error);
    }
  }

  const put = () => base && form.put(recipe(), place.values);
  const offs = [on("runs", discard), on("start", () => open()), on("drawings", put), on("own", put)];
  open();
  readDrawings().then(
    () => {
      if (!closed && base && store.start.drawings.length) form.put(recipe(), place.values);
    },
    () => {},
  );
  live.show(place.get("run"));
  return {
    unmount() {
      closed = true;
      live.end();
      form.end();
      offs.forEach((off) => off());
      look.cancel();
      moved.cancel();
    },
  };
}
