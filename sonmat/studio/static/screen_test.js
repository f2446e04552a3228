// Test: what is taken for what, the most wrong, whether the probabilities hold, and how much the network stands.
import { at, get, post, told } from "./api.js";
import { chosenRun, noRuns, remember, runPicker } from "./controls.js";
import { button, h, notice, rebuilt, sure } from "./dom.js";
import { isDark } from "./palette.js";
import { place } from "./state.js";
import { called, on, store } from "./store.js";
import { classTable, confidenceChart, confusionTable, corruptionTable } from "./test_charts.js";
import { count, number, percent, t } from "./texts.js";

const SHOWN = 60;

export function mount(root) {
  let run = chosenRun();
  if (!run) {
    root.append(h("h1", { class: "unseen" }, t("test")), noRuns());
    return {};
  }
  remember(run);
  if (place.get("run") !== run) place.set({ run });
  let closed = false;
  let found = null;
  let tested = null; // the test set's answer, which is only read when it is asked for
  const top = h("section", { class: "card testtop" });
  const board = h("div", { class: "testboard" });
  root.append(h("h1", { class: "unseen" }, t("test")), top, board);
  const picture = (part, index) => `${at("image", run, part, index)}.png?scale=2`;

  async function read() {
    const mine = run;
    board.classList.add("reading");
    if (!board.firstChild) board.append(h("p", { class: "soft", role: "status" }, t("loading")));
    head();
    try {
      const part = place.get("part");
      if (part === "test" && !tested) {
        place.set({ part: "validation" });
        notice(t("testAsked", t("lookAtTest")));
        found = await get(at("test", run), { part: "validation" });
      } else found = part === "test" ? tested : await get(at("test", run), { part });
      if (closed || mine !== run) return;
      paint();
    } catch (error) {
      if (!closed) board.replaceChildren(h("p", { class: "empty" }, error.message, " ", error.fix ?? ""));
      if (!error.status) told(error);
    }
    board.classList.remove("reading");
  }

  function head() {
    const looks = found?.counted ?? store.runs.get(run)?.test_readings ?? 0;
    const part = place.get("part");
    const built = () => [
      h(
        "div",
        { class: "row" },
        runPicker({
          value: run,
          onset: (name) => {
            run = name;
            tested = null;
            found = null;
            remember(name);
            place.set({ run: name, cell: null, part: "validation" }, true);
            read();
          },
        }),
        h("span", { class: "small soft" }, t("partWord")),
        [
          ["validation", "valRows"],
          ["train", "trainRows"],
          ["test", "testRows"],
        ].map(([one, text]) =>
          h(
            "button",
            { type: "button", class: "small", id: `part-${one}`, "aria-pressed": String(part === one), onclick: () => choose(one) },
            t(text),
          ),
        ),
      ),
      h(
        "div",
        { class: "row looks" },
        h("span", { class: `counter${looks ? " some" : ""}`, "aria-hidden": "true" }, String(looks)),
        h("span", { class: "small" }, looks === 0 ? t("looksNever") : looks === 1 ? t("looksOnce") : t("looks", looks)),
        button("look", t("lookAtTest"), () => choose("test", true), { kind: "small", id: "looktest" }),
      ),
    ];
    rebuilt(top, () => top.replaceChildren(...built()));
  }

  async function choose(part, again = false) {
    if (part !== "test") {
      place.set({ part, cell: null }, true);
      read();
      return;
    }
    if (tested && !again) {
      place.set({ part: "test", cell: null });
      read();
      return;
    }
    if (!(await sure(t("lookWarning"), t("look1"), t("cancel")))) return;
    try {
      board.classList.add("reading");
      tested = await post(at("test", run, "look"));
      place.set({ part: "test", cell: null });
      await read();
    } catch (error) {
      told(error);
      board.classList.remove("reading");
    }
  }

  const confusion = h("section", { class: "card" });
  const cell = h("section", { class: "card cellcard", "aria-live": "polite" });
  const wrong = h("section", { class: "card" });
  const calibration = h("section", { class: "card" });
  const classes = h("section", { class: "card" });
  const corruptions = h("section", { class: "card" });

  function paint() {
    head();
    const interval = found.interval
      ? h("span", { class: "small soft" }, t("interval", percent(found.interval[0]), percent(found.interval[1])))
      : null;
    const figures = h(
      "dl",
      { class: "figures" },
      [
        [t("accuracy"), percent(found.accuracy), "big"],
        [t("loss"), number(found.loss), "big"],
      ].map(([what, value, kind]) => h("div", { class: kind }, h("dt", {}, what), h("dd", {}, value))),
      h(
        "div",
        {},
        h("dt", {}, t(place.get("part") === "test" ? "testRows" : place.get("part") === "train" ? "trainRows" : "valRows")),
        h("dd", {}, t("rowsN", count(found.n))),
      ),
    );
    board.replaceChildren(
      h("div", { class: "column1" }, h("section", { class: "card" }, figures, interval), confusion, cell),
      h("div", { class: "column2" }, wrong, calibration, classes, corruptions),
    );
    matrix();
    showCell();
    hardest();
    calibration.replaceChildren(
      h("h2", {}, t("calibration")),
      h("p", { class: "lead" }, t("calibrationLead")),
      confidenceChart(found.calibration),
      h(
        "p",
        { class: "small soft" },
        t("ece", percent(found.calibration.ece)),
        found.calibration.temperature ? ` · ${t("temperature", number(found.calibration.temperature, 3))}` : "",
      ),
    );
    classes.replaceChildren(h("h2", {}, t("perClass")), classTable(found));
    corruptions.hidden = !found.pictures;
    if (found.pictures) readCorruptions();
  }

  function matrix() {
    const pick = (chosen) => {
      place.set({ cell: chosen });
      matrix();
      showCell(true);
    };
    rebuilt(confusion, () =>
      confusion.replaceChildren(
        h("h2", {}, t("confusions")),
        h("p", { class: "lead" }, t("confusionLead")),
        confusionTable(found, place.get("cell"), pick),
      ),
    );
  }

  async function showCell(scroll = false) {
    const chosen = place.get("cell");
    cell.hidden = !chosen;
    if (!chosen) return;
    const [i, j] = chosen;
    const names = found.classes;
    if (i >= names.length || j >= names.length) {
      cell.hidden = true;
      return;
    }
    const title = i === j ? t("cellRight", names[i]) : t("cellTitle", names[i], names[j]);
    const n = found.confusion[i][j];
    cell.replaceChildren(
      h("h2", {}, title),
      n ? h("p", { class: "soft small" }, t("loading")) : h("p", { class: "soft" }, t("nothingThere")),
    );
    if (!n) return;
    const part = place.get("part");
    try {
      const answer = await get(at("test", run, "cell"), { part, row: i, column: j });
      if (closed || JSON.stringify(place.get("cell")) !== JSON.stringify(chosen)) return;
      const rows = answer.rows ?? answer;
      cell.replaceChildren(
        h(
          "div",
          { class: "row apart" },
          h("h2", {}, title),
          button(
            "close",
            t("close"),
            () => {
              place.set({ cell: null });
              matrix();
              showCell();
            },
            { text: false },
          ),
        ),
        rows.length > SHOWN || n > rows.length ? h("p", { class: "soft small" }, t("firstOf", Math.min(SHOWN, rows.length), n)) : "",
        h(
          "div",
          { class: "gallery" },
          rows.slice(0, SHOWN).map((one) => image(part, one.index, percent(one.p, 0), title, one)),
        ),
      );
      if (scroll) cell.scrollIntoView({ block: "nearest", behavior: "smooth" });
    } catch (error) {
      told(error);
    }
  }

  // Ink on paper, as on the other screens; colours of pictures stay as they are.
  function inked() {
    const data = store.runs.get(run)?.data;
    const drawn = [...store.start.datasets.map((one) => one.name), ...(store.start.drawings ?? []).map((one) => one.name)];
    return !isDark() && drawn.includes(data);
  }

  const image = (part, index, note, title, one) =>
    one.sentence !== undefined
      ? h("p", { class: "sentence small" }, h("b", {}, note), ` ${one.sentence}`)
      : h(
          part === "test" ? "div" : "a",
          { class: `shot${inked() ? " ink" : ""}`, title, ...(part === "test" ? {} : { href: place.to("look", { run, part, pick: index }) }) },
          h("img", { src: picture(part, index), alt: title, width: 56, height: 56, loading: "lazy" }),
          h("span", {}, note),
        );

  function hardest() {
    const any = found.hardest.some((one) => one.label !== one.said);
    wrong.replaceChildren(
      h("h2", {}, t("mostWrong")),
      h("p", { class: "lead" }, t(any ? "wrongLead" : "nothingWrong")),
      h(
        "div",
        { class: "gallery" },
        found.hardest
          .filter((one) => one.label !== one.said)
          .slice(0, 24)
          .map((one) =>
            image(
              place.get("part"),
              one.index,
              `${t("isSays", found.classes[one.label], found.classes[one.said])} ${percent(one.p, 0)}`,
              t("cellTitle", found.classes[one.label], found.classes[one.said]),
              one,
            ),
          ),
      ),
    );
  }

  let spoilt = null; // what is known of the corruptions: {running, found}
  async function readCorruptions() {
    const mine = run;
    try {
      const answer = await get(at("test", run, "corruptions"));
      if (closed || mine !== run) return;
      spoilt = answer;
      paintCorruptions();
    } catch (error) {
      told(error);
    }
  }

  function paintCorruptions(now = null) {
    const going = spoilt?.running;
    corruptions.replaceChildren(
      h(
        "div",
        { class: "row apart" },
        h("h2", {}, t("corruptionsWord")),
        going
          ? h("span", { class: "small soft", role: "status" }, now ? t("measuring", now.done, now.of) : t("loading"))
          : button("play", t("corruptionsStart"), startCorruptions, { kind: "small", id: "corrupt" }),
      ),
      h("p", { class: "lead" }, t("corruptionsLead")),
      spoilt?.found ? corruptionTable(spoilt.found) : "",
    );
  }

  async function startCorruptions() {
    try {
      spoilt = { running: true, found: null };
      paintCorruptions();
      await post(at("test", run, "corruptions"));
    } catch (error) {
      told(error);
      readCorruptions();
    }
  }

  const offs = [
    on("corruptions", (event) => {
      if (event.run !== run) return;
      if (!event.ended) {
        if (spoilt?.running) paintCorruptions(event);
        return;
      }
      if (event.problem) notice(event.problem);
      readCorruptions();
    }),
  ];
  const again = () => found && paint();
  addEventListener("theme", again);
  document.title = `${t("test")} · ${called(store.runs.get(run), run)}`;
  read();
  return {
    unmount() {
      closed = true;
      offs.forEach((off) => off());
      removeEventListener("theme", again);
    },
  };
}
