// The form of a sweep: what to start from, the space, how many trials, and what it will cost.
import { post, told } from "./api.js";
import { choice, slider, toggle } from "./controls.js";
import { button, h, later } from "./dom.js";
import { baseOf, dataOf, recipeChoices, recipeOf, untouched } from "./recipe.js";
import { spaceBuilder, spaceOf } from "./space_builder.js";
import { place } from "./state.js";
import { on, store } from "./store.js";
import { count, t, time } from "./texts.js";

const SAMPLERS = ["qmc", "tpe", "random", "grid", "cmaes"];

/** @param {{onbegun: (study: string) => void}} options */
export function sweepForm({ onbegun }) {
  const node = h("section", { class: "card builder" });
  let base = null;
  let closed = false;
  const cost = h("p", { class: "cost", "aria-live": "polite" });
  const space = spaceBuilder({
    onset: (next) => {
      place.set({ space: next });
      ask();
    },
  });
  const about = h("p", { class: "lead" });
  // Nothing is begun with a number that is not shown.
  const unfit = () => Boolean(node.querySelector('[aria-invalid="true"]'));
  node.addEventListener("fit", () => ask());
  const start = button("play", t("startSweep"), () => begin(), { kind: "primary", id: "startsweep", disabled: true });

  async function open() {
    base = await baseOf(place.get("base")).catch((error) => {
      told(error);
      place.set({ base: "notes-mlp" });
      return baseOf("notes-mlp");
    });
    if (closed) return;
    if (!Object.keys(place.get("space")).length)
      place.set({
        space: {
          "train.learning_rate": { kind: "log", low: 0.003, high: 1 },
          ...(base.recipe.model.hidden ? { "model.hidden": { kind: "choices", choices: [[20, 20], [64, 64], [128]] } } : {}),
        },
      });
    if (typeof base.recipe.train.learning_rate === "object")
      place.set({ space: Object.fromEntries(Object.entries(place.get("space")).filter(([key]) => key !== "train.learning_rate")) });
    const bases = recipeChoices();
    if (place.get("base").startsWith("run:")) bases.unshift([place.get("base"), place.get("base").slice(4)]);
    const put = (key) => (value) => {
      place.set({ [key]: value });
      ask();
    };
    const number_ = (key, label, low, high, log = false) =>
      slider({ label, low, high, whole: true, log, value: place.get(key), onset: put(key) });
    space.put(recipe(), place.get("space"));
    const known = dataOf(recipe());
    const named = store.start.datasets.find((one) => one.name === recipe().data)?.title ?? recipe().data.split(/[\\/]/).pop();
    about.textContent = known ? t("sweepData", named, count(known.learn), count(known.validate)) : named;
    node.replaceChildren(
      h("h2", {}, t("newSweep")),
      choice(t("startFrom"), bases, place.get("base"), (name) => {
        place.set({ base: name, space: {} });
        open();
      }),
      about,
      h("h3", {}, t("whatToTry")),
      space,
      number_("trials", t("trialsWord"), 2, 2000, true),
      slider({
        label: t("epochs"),
        low: 1,
        high: 100,
        whole: true,
        log: true,
        value: recipe().train.epochs,
        onset: (epochs) => {
          place.set({ epochs });
          ask();
        },
      }),
      toggle(t("halving"), place.get("halving"), put("halving")),
      h("div", { class: "pair" }, number_("finalists", t("finalists"), 0, 10), number_("seeds", t("seedsEach"), 1, 10)),
      choice(
        t("sampler"),
        SAMPLERS.map((one) => [one, t(`S_${one}`)]),
        place.get("sampler"),
        put("sampler"),
      ),
      cost,
      start,
    );
    ask();
  }

  const recipe = () => recipeOf(base.recipe, { ...untouched(), epochs: place.get("epochs") });
  const request = () => ({
    recipe: recipe(),
    space: spaceOf(place.get("space")),
    trials: place.get("trials"),
    halving: place.get("halving") ? 3 : 0,
    finalists: place.get("finalists"),
    seeds: place.get("seeds"),
    sampler: place.get("sampler"),
  });
  let turn = 0;
  let asked = null; // the question about the cost that is under way
  const ask = later(async () => {
    const mine = ++turn;
    asked?.abort();
    asked = new AbortController();
    start.disabled = true;
    if (unfit()) {
      cost.className = "cost badtext";
      cost.textContent = t("badSpace");
      return;
    }
    if (!Object.keys(place.get("space")).length) {
      cost.textContent = t("costWaits");
      return;
    }
    cost.className = "cost soft";
    cost.textContent = t("measuringCost");
    try {
      const found = await post("/api/studies/cost", request(), null, asked.signal);
      if (mine !== turn || closed) return;
      cost.className = "cost";
      cost.replaceChildren(
        h("span", { class: "soft small" }, t("cost")),
        " ",
        h("b", {}, t("costTold", time(found.seconds), count(found.models), count(found.programs))),
        place.get("finalists") && place.get("seeds")
          ? h("span", { class: "soft small note" }, t("costFinals", place.get("finalists") * place.get("seeds"), place.get("seeds")))
          : "",
        ...(found.notes ?? []).map((one) => h("span", { class: "soft small note" }, one)),
      );
      start.disabled = false;
    } catch (error) {
      if (mine !== turn || !error.status) return;
      cost.className = "cost badtext";
      cost.textContent = `${error.message} ${error.fix}`;
    }
  }, 250);

  async function begin() {
    if (unfit()) return;
    start.disabled = true;
    try {
      const { name } = await post("/api/studies", request());
      onbegun(name);
    } catch (error) {
      told(error);
    }
    start.disabled = false;
  }

  const off = on("start", () => open());
  open();
  return {
    node,
    end() {
      closed = true;
      ask.cancel();
      asked?.abort();
      off();
    },
  };
}
