// Draw: what the networks say of a drawing, while it is drawn.
import { post, told } from "./api.js";
import { chosenRun, noRuns, remember, runPicker } from "./controls.js";
import { button, h, later, speak } from "./dom.js";
import { Pad, lastDrawing } from "./pad.js";
import { bytes, mapRows, paint } from "./planes.js";
import { place } from "./state.js";
import { called, on, store } from "./store.js";
import { percent, t } from "./texts.js";
import { teaching } from "./teaching.js";

const MOST = 4; // runs side by side
const PROMPT = 60; // milliseconds that an answer with layers may take while a stroke goes on
const spokenLater = later((text) => speak(text), 700);

/** Milliseconds from a stroke to its bars on the screen, newest last. @type {number[]} */
const measured = ((globalThis.sonmatMeasures ??= {}).strokes ??= []);
const middle = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

export function mount(root) {
  let names = place
    .get("runs")
    .filter((name) => store.runs.has(name))
    .slice(0, MOST);
  if (!names.length) names = [chosenRun("runs")].filter(Boolean);
  let wanted = null; // when the newest stroke that is not asked about was made
  let asking = false;
  let closed = false;

  const pad = new Pad({ label: t("pad"), hint: t("drawHere"), width: place.get("width"), onchange: (when) => ask(when) });
  const seen = h("canvas", { class: "seen", width: 28, height: 28, role: "img", "aria-label": t("seen") });
  const mini = h("div", { class: "mini", "aria-hidden": "true" });
  const speed = h("span", { class: "soft small", id: "speed" });
  const file = (capture, label, name) =>
    h(
      "label",
      { class: "button small" },
      nameGlyph(name),
      label,
      h("input", {
        type: "file",
        accept: "image/*",
        class: "unseen",
        ...(capture ? { capture: "environment" } : {}),
        onchange: (event) => {
          if (event.target.files[0]) pad.take(event.target.files[0]);
          event.target.value = "";
        },
      }),
    );
  const nameGlyph = (name) => button(name, "", null).firstChild;
  const width = h("input", {
    type: "range",
    min: 8,
    max: 52,
    value: place.get("width"),
    "aria-label": t("brush"),
    oninput: () => {
      pad.width = Number(width.value);
      place.set({ width: pad.width });
      paintWidth();
      pad.paint();
      ask(performance.now());
    },
  });
  const paintWidth = () => width.style.setProperty("--part", `${((pad.width - 8) / 44) * 100}%`);
  paintWidth();
  const answers = h("div", { class: "answers" });
  const inside = h("section", { class: "card inside" });
  const picker = h("div", { class: "row" });
  const hold = h(
    "div",
    { class: "drawboard" },
    h(
      "section",
      { class: "card padcard" },
      pad.node,
      h(
        "div",
        { class: "row padtools" },
        button("undo", t("undo"), () => pad.undo(), { kind: "small" }),
        button("close", t("clear"), () => pad.clear(), { kind: "small", id: "clear" }),
        h("label", { class: "brush" }, h("span", { class: "small soft" }, t("brush")), width),
      ),
      h(
        "div",
        { class: "row padtools" },
        file(false, t("chooseImage"), "image"),
        file(true, t("photograph"), "camera"),
        h("span", { class: "small soft" }, t("dropHint")),
      ),
      h("div", { class: "seenrow" }, seen, h("div", {}, h("h3", {}, t("seen")), speed), mini),
    ),
    h("div", { class: "said" }, picker, answers, inside),
  );
  const teach = teaching({ pad, onlabel: (keys) => place.set(keys) });
  root.append(h("h1", { class: "unseen" }, t("draw")), names.length ? hold : noRuns(), teach.node);
  if (!names.length) {
    // one can collect drawings before the first run
    hold.classList.add("alone");
    root.append(hold);
    teach.node.before(hold);
  }

  let columns = [];
  function build() {
    place.set({ runs: names });
    if (names[0]) remember(names[0]);
    columns = names.map((name) => column(name));
    answers.style.setProperty("--count", names.length);
    answers.replaceChildren(...columns.map((one) => one.node));
    const left =
      names.length < MOST
        ? runPicker({
            label: t("addRun"),
            value: "",
            none: t("addRun"),
            without: names,
            onset: (name) => {
              if (name) {
                names = [...names, name];
                build();
                ask(performance.now());
              }
            },
          })
        : null;
    picker.replaceChildren(
      ...(left ? [left] : []),
      h(
        "a",
        {
          class: "button small",
          href: "#",
          onclick: (event) => {
            event.preventDefault();
            keep();
            place.go("look", { run: names[0], mine: true });
          },
        },
        t("lookHere"),
      ),
    );
    inside.replaceChildren(
      h("h2", {}, t("insideNow")),
      ...columns.map((one) => h("div", {}, names.length > 1 ? h("h3", {}, called(store.runs.get(one.name), one.name)) : null, one.maps)),
    );
    inside.hidden = !names.length;
  }

  function column(name) {
    const verdict = h("div", { class: "verdict" });
    const bars = h("div", { class: "pbars" });
    const maps = mapRows({ most: 32 });
    const head =
      names.length > 1 || store.runs.size > 1
        ? runPicker({
            value: name,
            onset: (other) => {
              names = names.map((one) => (one === name ? other : one));
              build();
              ask(performance.now());
            },
          })
        : h("h2", {}, called(store.runs.get(name), name));
    const node = h(
      "section",
      { class: "card answer" },
      h(
        "div",
        { class: "row apart nowrap" },
        head,
        names.length > 1
          ? button(
              "close",
              t("removeRun", called(store.runs.get(name), name)),
              () => {
                names = names.filter((one) => one !== name);
                build();
                ask(performance.now());
              },
              { text: false },
            )
          : null,
      ),
      verdict,
      bars,
    );
    verdict.append(h("p", { class: "soft" }, t("waitsStroke")));
    return { name, node, verdict, bars, maps };
  }

  /** The newest drawing is asked about; while an answer is under way, only the newest of those that came meanwhile. */
  function ask(when) {
    wanted = when;
    if (!asking) send();
  }

  // Where a machine is slow, the layers wait until the stroke pauses; the probabilities follow it.
  let slow = false;
  async function send() {
    asking = true;
    let owed = false; // whether the newest drawing's layers were left out
    while ((wanted !== null || owed) && !closed) {
      const [when, layers] = [wanted, owed && wanted === null ? true : !slow];
      wanted = null;
      owed = false;
      try {
        const picture = await pad.picture();
        if (!picture) {
          blank();
          continue;
        }
        if (!names.length) continue;
        const began = performance.now();
        const answer = await post("/api/draw", picture.body, { runs: names.join(","), layers: layers ? 1 : 0, mode: picture.mode });
        if (layers) slow = performance.now() - began > PROMPT;
        owed = !layers;
        if (closed) break;
        if (pad.empty) continue;
        tell(answer);
        await new Promise(requestAnimationFrame);
        if (when !== null) measured.push(performance.now() - when);
        if (measured.length > 500) measured.shift();
        for (const one of answer.answers) if (one.layers?.length) columns.find((there) => there.name === one.run)?.maps.put(one.layers);
        if (wanted === null && measured.length) speed.textContent = t("inMilliseconds", Math.round(middle(measured.slice(-50))));
      } catch (error) {
        if (error.status >= 400 && error.status < 500) await refusedBy(error);
        else {
          told(error);
          wanted = null;
        }
      }
    }
    asking = false;
  }

  // A run that has no weights yet says so once, and is asked again in a while.
  async function refusedBy(error) {
    for (const one of columns) {
      one.told = "";
      one.verdict.replaceChildren(h("p", { class: "soft" }, error.message, " ", error.fix));
      one.bars.replaceChildren();
    }
    await new Promise((resolve) => setTimeout(resolve, 1500));
    wanted ??= pad.empty || closed ? null : performance.now();
  }

  function blank() {
    seen.getContext("2d").clearRect(0, 0, seen.width, seen.height);
    mini.replaceChildren();
    for (const one of columns) {
      one.told = "";
      one.verdict.replaceChildren(h("p", { class: "soft" }, t("waitsStroke")));
      one.bars.replaceChildren();
      one.maps.replaceChildren();
      one.maps.put([]);
    }
  }

  function tell(answer) {
    const first = answer.answers[0];
    if (first?.seen) {
      const [rows, wide, depth = 1] = first.seen.shape;
      const values = bytes(first.seen.pixels);
      paint(seen, rows, wide, (i) => values[i * depth], "ink");
    }
    for (const one of answer.answers) {
      const there = columns.find((column_) => column_.name === one.run);
      if (!there) continue;
      verdict(there, one);
      bars(there, one);
    }
    if (first)
      mini.replaceChildren(
        h("b", { class: first.unsure ? "unsure" : "" }, first.unsure ? `${first.label}?` : first.label),
        h("div", { class: "small soft" }, percent(Math.max(...first.probabilities), 0)),
      );
    if (first)
      spokenLater(
        first.unsure ? t("unsureSpoken", first.reason) : t("answerIs", first.label, percent(Math.max(...first.probabilities), 0)),
      );
  }

  function verdict(there, one) {
    const best = Math.max(...one.probabilities);
    const key = `${one.label}${one.unsure}${one.reason}`;
    if (there.told !== key) {
      there.told = key;
      there.verdict.replaceChildren(
        h(
          "b",
          { class: `big${one.unsure ? " unsure" : ""}${one.label.length > 3 ? " word" : ""}` },
          one.unsure ? `${one.label}?` : one.label,
        ),
        h("div", {}, h("b", { class: "share" }), h("p", { class: "soft small" }, one.unsure ? `${t("unsure")}. ${one.reason}` : "")),
      );
    }
    there.verdict.querySelector(".share").textContent = percent(best, 1);
    there.node.classList.toggle("isunsure", one.unsure);
  }

  // Many classes: the ten largest, in an order that stays while the stroke grows.
  function bars(there, one) {
    const most = 12;
    let shown = one.classes.map((_, i) => i);
    if (shown.length > most) shown = shown.sort((a, b) => one.probabilities[b] - one.probabilities[a]).slice(0, most);
    const best = one.probabilities.indexOf(Math.max(...one.probabilities));
    const told = shown.map((i) => one.classes[i]).join("\n");
    if (there.classes !== told || !there.bars.children.length) {
      there.classes = told;
      there.bars.replaceChildren(
        ...shown.map((i) =>
          h(
            "div",
            { class: "pbar" },
            h("b", { title: one.classes[i] }, one.classes[i]),
            h("span", { class: "track" }, h("i")),
            h("span", { class: "value" }),
          ),
        ),
      );
    }
    shown.forEach((i, row) => {
      const bar = there.bars.children[row];
      bar.classList.toggle("best", i === best);
      bar.children[1].firstChild.style.transform = `scaleX(${one.probabilities[i].toFixed(4)})`;
      bar.children[2].textContent = percent(one.probabilities[i], 1);
    });
  }

  const keep = () => {
    lastDrawing.strokes = pad.strokes;
    lastDrawing.file = pad.file;
    lastDrawing.width = pad.width;
  };
  const shortcuts = (event) => {
    if (event.target.matches("input, select, textarea")) return;
    if ((event.ctrlKey || event.metaKey) && event.key === "z") {
      event.preventDefault();
      pad.undo();
    }
    if (event.key === "Escape" || event.key === "Delete") pad.clear();
  };
  addEventListener("keydown", shortcuts);
  const offs = [
    on("gone", ({ name }) => {
      if (names.includes(name)) {
        names = names.filter((one) => one !== name);
        build();
      }
    }),
    on("run", (event) => {
      if (names.includes(event.name) && event.state === "finished" && !pad.empty) ask(performance.now());
    }),
  ];
  if (names.length) build();
  if (lastDrawing.file) pad.take(lastDrawing.file);
  else if (lastDrawing.strokes.length) pad.put(lastDrawing.strokes);
  return {
    pad,
    unmount() {
      closed = true;
      keep();
      pad.end();
      teach.end();
      spokenLater.cancel();
      removeEventListener("keydown", shortcuts);
      offs.forEach((off) => off());
    },
  };
}
