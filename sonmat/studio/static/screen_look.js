// Look inside: every layer's answer to one image, and how each of its values comes about.
import { get, post, told } from "./api.js";
import { choice, chosenRun, noRuns, remember, runPicker, short, slider } from "./controls.js";
import { demonstration } from "./demonstration.js";
import { denseView } from "./dense_view.js";
import { button, h, later, notice, rebuilt } from "./dom.js";
import { Pad, lastDrawing } from "./pad.js";
import { bytes, floats, mapRows, paint, worth } from "./planes.js";
import { place } from "./state.js";
import { store } from "./store.js";
import { best, layerOf } from "./seen_layer.js";
import { rowField } from "./row_field.js";
import { stepper } from "./stepper.js";
import * as strokes from "./strokes.js";
import { number, t } from "./texts.js";

const ROUND = 1e-3; // float32 sums in another order differ by less

export function mount(root) {
  let run = chosenRun();
  if (!run) {
    root.append(h("h1", { class: "unseen" }, t("look")), noRuns());
    return {};
  }
  remember(run);
  if (place.get("run") !== run) place.set({ run });
  let seen = null; // the newest answer
  let other = null;
  let turn = 0;
  let closed = false;
  let abort = null;

  const image = h("canvas", { class: "seen big", role: "img", "aria-label": t("image") });
  const verdict = h("p", { class: "small" });
  const row = rowField({ value: place.get("pick"), onset: (pick) => set({ pick, mine: false }) });
  const source = h("div", { class: "row source" });
  const top = h("section", { class: "card looktop" });
  const strip = h("section", { class: "card strip" });
  const stage = h("section", { class: "card stage" });
  root.append(h("h1", { class: "unseen" }, t("look")), top, h("div", { class: "lookboard" }, strip, stage));

  const window_ = stepper({ onmove: (to) => place.set({ at: to }) });
  const dense = denseView({
    onunit: (filter) => {
      place.set({ filter });
      showLayer();
    },
  });
  const demo = demonstration({ image: () => seen?.image, run: () => run, kernel: () => ownKernel() });

  function set(changes, push = false) {
    place.set(changes, push);
    read();
  }

  async function drawn() {
    const linked = strokes.read(place.get("ink"));
    const pad = new Pad({ label: "", hint: "", width: linked.length ? place.get("width") : lastDrawing.width, onchange: () => {} });
    pad.strokes = linked.length ? linked : lastDrawing.strokes;
    pad.file = linked.length ? null : lastDrawing.file;
    const picture = await pad.picture();
    pad.end();
    if (!picture) {
      // a picture is in no address: the link of another day has none
      place.set({ mine: false });
      notice(t("noDrawingKept"), t("noDrawing"));
    }
    return picture?.body ?? null;
  }

  async function one(name, epoch, layer) {
    const query = { run: name, layer, ...(epoch ? { epoch } : {}) };
    const body = place.get("mine") ? await drawn() : null;
    if (body) return post("/api/look", body, query, abort.signal);
    return get("/api/look", { ...query, pick: place.get("pick"), part: place.get("part") }, abort.signal);
  }

  const besideOf = () => place.get("beside") || (place.get("epoch2") ? run : "");

  async function read() {
    const mine = ++turn;
    abort?.abort();
    abort = new AbortController();
    root.classList.add("reading");
    try {
      const name = besideOf();
      const both = await Promise.all([
        one(run, place.get("epoch"), place.get("layer")),
        name
          ? one(name, place.get("epoch2"), "").catch((error) => {
              told(error);
              return null;
            })
          : null,
      ]);
      if (mine !== turn || closed) return;
      [seen, other] = both;
      row.of(seen.image.of);
      show();
    } catch (error) {
      if (mine === turn) {
        if (seen || !error.status) told(error);
        else for (const one_ of [strip, stage]) one_.replaceChildren(h("p", { class: "soft" }, error.message, " ", error.fix));
      }
    }
    if (mine === turn) root.classList.remove("reading");
  }

  const showTop = () => rebuilt(top, buildTop);
  function buildTop() {
    const epochs = seen?.epochs ?? [];
    const epochChoice = (key, value) =>
      choice(t("weightsOf"), [["", t("lastEpoch")], ...epochs.map((one_) => [one_, String(one_)])], value ?? "", (text) =>
        set({ [key]: text ? Number(text) : null }),
      );
    const picker = runPicker({
      value: run,
      onset: (name) => {
        run = name;
        remember(name);
        set({ run: name, layer: "", filter: 0, channel: 0, epoch: null, epoch2: null }, true);
      },
    });
    const second = runPicker({
      label: t("besideWith"),
      value: place.get("beside"),
      none: t("none"),
      without: [run],
      onset: (name) => set({ beside: name, epoch2: null }),
    });
    source.replaceChildren(
      ...[
        ["validation", t("valRows")],
        ["train", t("trainRows")],
      ].map(([part, text]) =>
        h(
          "button",
          {
            type: "button",
            class: "small",
            "aria-pressed": String(!place.get("mine") && place.get("part") === part),
            onclick: () => {
              set({ part, mine: false });
            },
          },
          text,
        ),
      ),
      h(
        "button",
        {
          type: "button",
          class: "small",
          id: "mine",
          "aria-pressed": String(place.get("mine")),
          disabled: !lastDrawing.strokes.length && !lastDrawing.file && !place.get("ink"),
          onclick: () => set({ mine: true, ink: place.get("ink") || strokes.written(lastDrawing.strokes), width: lastDrawing.width }),
        },
        t("myDrawing"),
      ),
      h("span", { class: "row nowrap" }, row.nodes()),
    );
    top.replaceChildren(
      image,
      h(
        "div",
        { class: "looktext" },
        h("div", { class: "row" }, picker, epochs.length ? epochChoice("epoch", place.get("epoch")) : null),
        source,
        row.why,
        verdict,
      ),
      h(
        "div",
        { class: "looktext beside" },
        h(
          "div",
          { class: "row" },
          h("span", { class: "small soft" }, t("besideWith")),
          second,
          epochs.length && !place.get("beside") ? epochChoice("epoch2", place.get("epoch2")) : null,
        ),
        button(
          "sweep",
          place.get("demo") ? t("demoOff") : t("demoOn"),
          () => {
            place.set({ demo: !place.get("demo") }, true);
            show();
          },
          { kind: "small", id: "demo" },
        ),
      ),
    );
  }

  function show() {
    if (!seen) return;
    const [rows, columns, depth = 1] = seen.image.shape;
    const pixels = bytes(seen.image.pixels);
    paint(image, rows, columns, (i) => pixels[i * depth], "ink");
    const [label, share] = best(seen);
    image.setAttribute("aria-label", seen.image.label ?? label);
    verdict.replaceChildren(
      seen.image.label !== null && seen.image.label !== undefined
        ? t("saysLabel", seen.image.label, label, share)
        : t("says", label, share),
    );
    verdict.classList.toggle(
      "badtext",
      seen.image.label !== null && seen.image.label !== undefined && String(seen.image.label) !== String(label),
    );
    showTop();
    showStrip();
    if (place.get("demo")) {
      window_.halt();
      demo.show();
      stage.replaceChildren(demo.node);
    } else showLayer();
  }

  const rowsMade = mapRows({ most: 64, title: (layer, i) => t("mapOf", layer, i + 1), onpick: (layer, channel) => pick(layer, channel) });
  const rowsOther = mapRows({ most: 64 });
  function showStrip() {
    rowsMade.put(seen.maps);
    const name = besideOf();
    strip.replaceChildren(h("h2", {}, t("allLayers")), h("p", { class: "lead" }, t("allLead")));
    if (other) {
      rowsOther.put(other.maps);
      const title = (one_, epoch) => `${store.runs.has(one_) ? short(store.runs.get(one_)) : one_}${epoch ? ` · ${t("epoch")} ${epoch}` : ""}`;
      strip.append(
        h(
          "div",
          { class: "two" },
          h("div", {}, h("h3", {}, title(run, place.get("epoch"))), h("p", { class: "soft small" }, t("says", ...best(seen))), rowsMade),
          h("div", {}, h("h3", {}, title(name, place.get("epoch2"))), h("p", { class: "soft small" }, t("says", ...best(other))), rowsOther),
        ),
      );
    } else strip.append(rowsMade);
    mark();
  }

  function mark() {
    for (const one_ of rowsMade.querySelectorAll(".mapbutton")) {
      const flat = one_.closest(".maps").classList.contains("flat");
      one_.classList.toggle(
        "chosen",
        one_.dataset.layer === seen.chosen.name && (flat || Number(one_.dataset.channel) === place.get("filter")),
      );
    }
  }

  function pick(layer, channel) {
    const same = layer === seen.chosen.name;
    place.set({ layer, filter: channel, channel: same ? place.get("channel") : 0, demo: false, at: same ? place.get("at") : null }, !same);
    if (same) {
      showLayer();
      mark();
      showTop();
    } else read();
  }

  function ownKernel() {
    const { chosen } = seen ?? {};
    if (!chosen?.kernel || chosen.kernel.shape.length !== 4) return null;
    return {
      shape: chosen.kernel.shape,
      data: floats(chosen.kernel.values),
      filter: Math.min(place.get("filter"), chosen.kernel.shape[3] - 1),
      channel: Math.min(place.get("channel"), chosen.kernel.shape[2] - 1),
    };
  }

  function showLayer() {
    const { chosen } = seen;
    const about = seen.layers.find((one_) => one_.name === chosen.name);
    const windowed = chosen.window ?? about?.window;
    const layers = worth(seen.maps).map((one_) => [one_.name, one_.name]);
    if (!layers.some(([name]) => name === chosen.name)) layers.unshift([chosen.name, chosen.name]);
    const head = h(
      "div",
      { class: "row stagehead" },
      h("h2", {}, t("stepper")),
      choice(t("layerWord"), layers, chosen.name, (name) => pick(name, 0)),
    );
    if (chosen.kernel?.shape.length === 2) {
      stage.replaceChildren(head, dense.node);
      dense.put(chosen, place.get("filter"), seen);
      return;
    }
    const layer = layerOf(chosen, about);
    if (!layer) {
      stage.replaceChildren(head, h("p", { class: "soft" }, t("elementwise")));
      return;
    }
    const { input, filters } = layer;
    const convolution = layer.window.kind === "conv";
    const pickers = [
      numberPick(t(convolution ? "filterWord" : "channelWord"), filters, "filter"),
      convolution && input.depth > 1 ? numberPick(t("channelWord"), input.depth, "channel") : null,
    ].filter(Boolean);
    const formula = h(
      "span",
      { class: "mono small soft" },
      []
        .concat(windowed.formula ?? [])
        .slice(0, 1)
        .join(""),
    );
    const agreed = h("p", { class: "small agree" });
    head.firstChild.after(formula);
    window_.extra.replaceChildren(...pickers);
    stage.replaceChildren(head, window_.node, agreed);
    const ink = chosen.input.shape[2] === 1 && seen.layers[0] && input.rows === seen.image.shape[0];
    const apart = window_.put(layer, {
      at: place.get("at"),
      filter: place.get("filter"),
      channel: place.get("channel"),
      ink,
      names: {
        input: input.depth > 1 ? `${t("channelWord")} ${(convolution ? place.get("channel") : place.get("filter")) + 1}` : t("image"),
        output: `${chosen.name} ${place.get("filter") + 1}`,
      },
    });
    const scale = Math.max(1, ...layer.output.slice(0, 4096).map(Math.abs));
    agreed.textContent = apart <= ROUND * scale ? t("agree", number(apart, 2)) : t("disagree", number(apart, 3));
    agreed.classList.toggle("badtext", apart > ROUND * scale);
    stage.dataset.apart = apart;
  }

  function numberPick(label, count, key) {
    if (count <= 1) return null;
    const value = Math.min(place.get(key), count - 1);
    return h(
      "div",
      { class: "pick" },
      slider({
        label: `${label} (1–${count})`,
        low: 1,
        high: count,
        whole: true,
        value: value + 1,
        onset: (chosen) => {
          place.set({ [key]: chosen - 1 });
          repaint();
        },
      }),
    );
  }
  // The pickers stay where they are while they are dragged.
  const repaint = later(() => {
    const kept = document.activeElement;
    showLayer();
    mark();
    if (kept?.getAttribute?.("aria-label")) stage.querySelector(`[aria-label="${CSS.escape(kept.getAttribute("aria-label"))}"]`)?.focus();
  }, 30);

  const again = () => seen && show();
  addEventListener("theme", again);
  for (const one_ of [strip, stage]) one_.append(h("p", { class: "soft", role: "status" }, t("loading")));
  showTop();
  read();
  return {
    unmount() {
      closed = true;
      abort?.abort();
      window_.halt();
      demo.end();
      removeEventListener("theme", again);
    },
  };
}
