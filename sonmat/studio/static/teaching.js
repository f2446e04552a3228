// Teach: drawings with a name are kept as classes of one's own, and trained on.
import { at, get, post, remove, told } from "./api.js";
import { button, h, notice } from "./dom.js";
import { baseOf, recipeOf, untouched } from "./recipe.js";
import { place } from "./state.js";
import { on, store } from "./store.js";
import { t } from "./texts.js";

/** @param {{pad: import("./pad.js").Pad}} options */
export function teaching({ pad }) {
  let sets = [];
  let kept = {}; // of the set that is shown: the drawings of each class
  let ended = false;
  const setField = h("input", {
    type: "text",
    id: "setname",
    value: place.get("set") || t("newSet"),
    maxLength: 40,
    list: "setnames",
    onchange: () => {
      place.set({ set: setField.value.trim() });
      read();
    },
  });
  setField.setAttribute("list", "setnames");
  const names = h("datalist", { id: "setnames" });
  const label = h("input", {
    type: "text",
    id: "labelname",
    value: place.get("label"),
    maxLength: 40,
    onkeydown: (event) => {
      if (event.key === "Enter") keep();
    },
    placeholder: t("labelHint"),
    "aria-label": t("labelOf"),
    oninput: () => place.set({ label: label.value.trim() }),
  });
  // Under the pad, where the next drawing is made.
  const row = h(
    "div",
    { class: "row keeprow" },
    h("label", { htmlFor: "labelname", class: "small soft" }, t("labelOf")),
    label,
    button("plus", t("keep"), () => keep(), { kind: "small", id: "keep" }),
  );
  const grid = h("div", { class: "kept" });
  const go = h("div", { class: "row" });
  const node = h(
    "section",
    { class: "card teach" },
    h("h2", {}, t("teach")),
    h("p", { class: "lead" }, t("teachLead")),
    h("div", { class: "row teachrow" }, h("label", {}, h("span", { class: "small soft" }, t("setName")), setField), names),
    grid,
    go,
  );

  const current = () => setField.value.trim();
  const group = () => sets.find((one) => one.name === current());

  async function read() {
    try {
      const first = await get("/api/drawings", current() ? { set: current() } : {});
      sets = store.start.drawings = first.sets;
      kept = first.drawings ?? {};
      names.replaceChildren(...sets.map((one) => h("option", { value: one.name })));
      if (!place.get("set") && sets.length && !group()) {
        setField.value = sets[0].name;
        await read();
        return;
      }
      show();
    } catch (error) {
      if (!ended) told(error);
    }
  }

  async function keep() {
    const [set, name] = [current(), label.value.trim()];
    const picture = await pad.picture();
    if (!picture) {
      notice(t("noDrawing"));
      return;
    }
    if (!name) {
      notice(t("labelFirst"));
      label.focus();
      return;
    }
    try {
      await post(at("drawings", set, encodeURIComponent(name)), picture.body);
      place.set({ set, label: name });
      notice(t("kept", name), "", "good");
      pad.clear();
      await read();
    } catch (error) {
      told(error);
    }
  }

  function show() {
    const there = group();
    const entries = there ? Object.entries(kept).filter(([, ids]) => ids.length) : [];
    grid.replaceChildren(
      ...(entries.length
        ? entries.map(([name, ids]) =>
            h(
              "div",
              { class: "class" },
              h(
                "button",
                {
                  type: "button",
                  class: "quiet small name",
                  onclick: () => {
                    label.value = name;
                    place.set({ label: name });
                  },
                },
                h("b", {}, name),
                ` ${ids.length}`,
              ),
              h(
                "div",
                { class: "thumbs" },
                ids.slice(-40).map((id) =>
                  h(
                    "div",
                    { class: "thumb" },
                    h("img", {
                      loading: "lazy",
                      alt: name,
                      src: `${at("drawings", there.name, encodeURIComponent(name), encodeURIComponent(id))}.png`,
                      width: 56,
                      height: 56,
                    }),
                    button("close", t("deleteDrawing", name), () => drop(there.name, name, id), { text: false }),
                  ),
                ),
              ),
            ),
          )
        : [h("p", { class: "soft small" }, t("noDrawings"))]),
    );
    const total = entries.reduce((sum, [, ids]) => sum + ids.length, 0);
    const data = there?.data;
    go.replaceChildren(
      ...(entries.length >= 2 && data
        ? [
            button("play", t("trainOn", total), () => train(data), { kind: "primary", id: "trainon" }),
            entries.some(([, ids]) => ids.length < 4) ? h("span", { class: "soft small" }, t("needFew")) : "",
          ]
        : entries.length
          ? [h("p", { class: "soft small" }, t("needTwo"))]
          : []),
    );
  }

  /** Train on a set at once, and go to where its curves are. @param {string} data */
  async function train(data) {
    const settings = { data, epochs: 60, batch: 8, lr: 0.05 };
    try {
      const { recipe } = await baseOf("notes-mlp");
      const { name } = await post("/api/runs", { recipe: recipeOf(recipe, { ...untouched(), ...settings }), title: "" });
      place.go("train", { base: "notes-mlp", ...settings, run: name });
    } catch (error) {
      told(error);
    }
  }

  async function drop(set, name, id) {
    try {
      await remove(at("drawings", set, encodeURIComponent(name), encodeURIComponent(id)));
      await read();
    } catch (error) {
      told(error);
    }
  }

  const off = on("drawings", ({ set }) => {
    if (!ended && set === current()) read();
  });
  read();
  return {
    node,
    row,
    end() {
      ended = true;
      off();
    },
  };
}
