// Draw: what the networks say of a drawing, while it is drawn.
import { answerCard, paintSeen } from "./answer_card.js";
import { post, told } from "./api.js";
import { chosenRun, noRuns, remember, runPicker, short } from "./controls.js";
import { button, h, later, notice, speak } from "./dom.js";
import { Pad, lastDrawing } from "./pad.js";
import { readsSentences, sentenceField } from "./sentences.js";
import { place } from "./state.js";
import { called, on, store } from "./store.js";
import * as strokes from "./strokes.js";
import { teaching } from "./teaching.js";
import { percent, t } from "./texts.js";

const MOST = 4; // runs side by side
const PROMPT = 60; // milliseconds that an answer with layers may take while a stroke goes on
const SLOW = 500; // milliseconds after which a network is being opened for the first time
const spokenLater = later((text) => speak(text), 700);

/** Milliseconds from a stroke to its bars on the screen, newest last. @type {number[]} */
const measured = ((globalThis.sonmatMeasures ??= {}).strokes ??= []);
const middle = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

export function mount(root) {
  const lost = place.get("runs").filter((name) => !store.runs.has(name));
  let names = place
    .get("runs")
    .filter((name) => store.runs.has(name))
    .slice(0, MOST);
  if (names.length && lost.length) notice(t("gone", lost.join(", ")));
  if (!names.length) names = [chosenRun("runs")].filter(Boolean);
  let wanted = null; // when the newest stroke that is not asked about was made
  let asking = false;
  let closed = false;

  const pad = new Pad({ label: t("pad"), hint: t("drawHere"), width: place.get("width"), onchange: (when) => drawn(when) });
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
  const teach = teaching({ pad });
  const cardOf = (name) => columns.find((one) => one.name === name);
  const sentence = sentenceField({ put: (one) => cardOf(one.run)?.put(one), wait: (name, text, fix) => cardOf(name)?.wait(text, fix) });
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
      teach.row,
      h(
        "div",
        { class: "row padtools" },
        file(false, t("chooseImage"), "image"),
        file(true, t("photograph"), "camera"),
        h("span", { class: "small soft" }, t("dropHint")),
      ),
      h("div", { class: "seenrow" }, seen, h("div", {}, h("h3", {}, t("seen")), speed), mini),
    ),
    h("div", { class: "said" }, picker, sentence.node, answers, inside),
  );
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
    answers.dataset.count = names.length;
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
    const looking = names.filter((name) => !readsSentences(name)); // at drawings
    root.classList.toggle("textonly", names.length > 0 && !looking.length);
    picker.replaceChildren(
      ...(left ? [left] : []),
      h(
        "a",
        {
          class: "button small fordrawings",
          href: "#",
          onclick: (event) => {
            event.preventDefault();
            keep();
            place.go("look", { run: looking[0], mine: true, ink: place.get("ink"), width: pad.width });
          },
        },
        t("lookHere"),
      ),
    );
    inside.hidden = !looking.length;
    inside.replaceChildren(
      h("h2", {}, t("insideNow")),
      ...columns
        .filter((one) => !readsSentences(one.name))
        .map((one) => h("div", {}, names.length > 1 ? h("h3", {}, short(store.runs.get(one.name))) : null, one.maps)),
    );
    sentence.show(names);
  }

  function column(name) {
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
    const away = () => {
      names = names.filter((one) => one !== name);
      build();
      ask(performance.now());
    };
    const close = button("close", t("removeRun", called(store.runs.get(name), name)), away, { text: false });
    const card = answerCard(name, names.length > 1 ? [head, close] : [head]);
    card.wait(t(!answers_(name) ? "answersLater" : readsSentences(name) ? "waitsSentence" : "waitsStroke"));
    return card;
  }

  const answers_ = (name) => store.runs.get(name)?.answers;

  // The strokes are in the address as soon as they end; a picture is not, it would not fit.
  function drawn(when) {
    if (!pad.drawing) place.set({ ink: strokes.written(pad.strokes) });
    ask(when);
  }

  /** The newest drawing is asked about; while an answer is under way, only the newest of those that came meanwhile. */
  function ask(when) {
    wanted = when;
    if (!asking) send();
  }

  // Where a machine is slow, the layers wait until the stroke pauses; the probabilities follow it.
  let slow = false;
  let from = 0; // the first of the measured strokes that is told of
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
        const able = names.filter((name) => answers_(name) && !readsSentences(name));
        if (!able.length) continue;
        const began = performance.now();
        let opening = false; // a network's first answer is no measure of the others
        const slowly = setTimeout(() => {
          opening = true;
          for (const name of able) cardOf(name)?.opening();
        }, SLOW);
        const answer = await post("/api/draw", picture.body, { runs: able.join(","), layers: layers ? 1 : 0, mode: picture.mode }).finally(() =>
          clearTimeout(slowly),
        );
        if (layers) slow = performance.now() - began > PROMPT;
        owed = !layers;
        if (closed) break;
        if (pad.empty) continue;
        tell(answer);
        await new Promise(requestAnimationFrame);
        if (when !== null) measured.push(performance.now() - when);
        if (measured.length > 500) measured.splice(0, 100);
        if (opening) from = measured.length;
        for (const one of answer.answers) if (one.layers?.length) columns.find((there) => there.name === one.run)?.maps.put(one.layers);
        const newest = measured.slice(Math.max(Math.min(from, measured.length), measured.length - 50));
        if (wanted === null && newest.length) speed.textContent = t("inMilliseconds", Math.round(middle(newest)));
      } catch (error) {
        if (error.status >= 400 && error.status < 500) blank(error.message, error.fix);
        else told(error);
        wanted = null;
      }
    }
    asking = false;
  }

  /** No answer: what was shown of an earlier drawing goes, and what is to be said stands there. */
  function blank(text = t("waitsStroke"), fix = "") {
    paintSeen(seen, null);
    mini.replaceChildren();
    speed.textContent = "";
    for (const one of columns)
      if (!readsSentences(one.name)) one.wait(answers_(one.name) ? text : t("answersLater"), answers_(one.name) ? fix : "");
  }

  function tell(answer) {
    const first = answer.answers.find((one) => !one.problem);
    if (first?.seen) paintSeen(seen, first.seen);
    for (const one of answer.answers) {
      const card = columns.find((there) => there.name === one.run);
      if (one.problem) card?.wait(one.problem, t("onlyPictures"));
      else card?.put(one);
    }
    if (first)
      mini.replaceChildren(
        h("b", { class: first.unsure ? "unsure" : "" }, first.unsure ? `${first.label}?` : first.label),
        h("div", { class: "small soft" }, first.unsure ? t("unsure") : percent(Math.max(...first.probabilities), 0)),
      );
    if (first)
      spokenLater(
        first.unsure ? t("unsureSpoken", first.reason) : t("answerIs", first.label, percent(Math.max(...first.probabilities), 0)),
      );
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
      if (names.includes(event.name) && event.state === "finished") {
        sentence.show(names);
        ask(performance.now());
      }
    }),
  ];
  if (names.length) build();
  const linked = strokes.read(place.get("ink"));
  if (linked.length) pad.put(linked);
  else if (lastDrawing.file) pad.take(lastDrawing.file);
  else if (lastDrawing.strokes.length) pad.put(lastDrawing.strokes);
  return {
    pad,
    unmount() {
      closed = true;
      keep();
      pad.end();
      teach.end();
      sentence.end();
      spokenLater.cancel();
      removeEventListener("keydown", shortcuts);
      offs.forEach((off) => off());
    },
  };
}
