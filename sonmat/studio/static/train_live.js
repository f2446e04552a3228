// The live side of the Train screen: the run's curves, its figures, what they say, and what can be done with it.
import { told } from "./api.js";
import { LineChart } from "./chart.js";
import { remember, short } from "./controls.js";
import { KEYS, courseOf, courses, readCourse } from "./courses.js";
import { differences } from "./differences.js";
import { button, h, rebuilt, speak } from "./dom.js";
import { findingsCard } from "./findings.js";
import { active, runHead } from "./run_head.js";
import { place } from "./state.js";
import { called, on, store, trained } from "./store.js";
import { count, number, percent, t, time } from "./texts.js";

const BESIDE = ["--c3", "--c4", "--c5", "--c6"];
const MEASURED = 0.3; // seconds of steps before the time that remains is told: the first few steps are no measure

/** The colour of each compared run, which it keeps while others come and go. @type {Map<string, string>} */
const colours = new Map();
function colourOf(run, all) {
  for (const one of colours.keys()) if (!all.includes(one)) colours.delete(one);
  if (!colours.has(run)) colours.set(run, BESIDE.find((one) => ![...colours.values()].includes(one)) ?? BESIDE[0]);
  return colours.get(run);
}

export function liveView({ onapply, ontrained }) {
  const charts = {
    loss: new LineChart({ title: t("loss"), x: t("epoch"), shown: (v) => number(v, 3), told: (v) => number(v) }),
    accuracy: new LineChart({
      title: t("accuracy"),
      x: t("epoch"),
      percent: true,
      shown: (v) => `${+(100 * v).toFixed(1)} %`,
      told: (v) => percent(v),
    }),
  };
  const { head, onward, paint: paintHead } = runHead({
    onresume: (run) => {
      const course = courses.get(run);
      if (course) course.tail = [];
    },
    onremove: () => {
      place.set({ run: "" });
      show("");
    },
  });
  const figures = h("dl", { class: "figures" });
  const bar = h(
    "div",
    { class: "bar", role: "progressbar", "aria-label": t("progressWord"), "aria-valuemin": 0, "aria-valuemax": 100 },
    h("i"),
  );
  const plots = h("div", { class: "plots" }, charts.accuracy.node, charts.loss.node);
  const hint = h("p", { class: "curvehint", role: "status" });
  const beside = h("div", { class: "row besides" });
  const differs = h("div", { hidden: true });
  const findings = findingsCard(onapply);
  const node = h(
    "div",
    { class: "live" },
    h("section", { class: "card" }, head, bar, figures, h("div", { class: "stack" }, hint, plots), beside, differs, onward),
    findings,
  );
  let name = "";
  let ending = ""; // the run whose epochs are over, and which is being tested and calibrated
  let fetched = null; // how far a download of the data is
  let asked = 0;
  let pressed = 0;
  let lost = ""; // what is said of a run that the address named and that is no more
  let waited = false; // whether the run was last seen waiting
  let since = Infinity; // seconds of the run when its first progress was heard

  async function read(run, again = false) {
    // What happened while nobody here looked at the run is read again.
    const behind = (store.runs.get(run)?.epochs ?? 0) > (courses.get(run)?.epoch.at(-1) ?? 0);
    try {
      await readCourse(run, again || behind);
    } catch (error) {
      if (error.status !== 404) told(error);
      else if (run === name) gone();
    }
    draw();
  }

  function gone(text = t("gone", name)) {
    speak(text);
    lost = text;
    place.set({ run: "" });
    show("");
  }

  /** Show a run; `when`: when its button was pressed, for the time to the first point. */
  function show(run, when = 0) {
    name = run;
    pressed = when;
    since = Infinity;
    if (run) {
      remember(run);
      lost = "";
    }
    read(run);
    for (const one of place.get("beside")) read(one);
    draw();
  }

  const draw = () => {
    if (!asked)
      asked = requestAnimationFrame(() => {
        asked = 0;
        paint();
      });
  };

  const besides = () => place.get("beside").filter((one) => one !== name);

  function series(run, key, look) {
    const course = courses.get(run);
    if (!course) return null;
    const x = [...course.epoch];
    const y = [...course[key]];
    if (!key.startsWith("val_"))
      for (const point of course.tail) {
        x.push(point.at);
        y.push(point.logs[key] ?? null);
      }
    return { name: look.label, x, y, ...look };
  }

  function paint() {
    const row = store.runs.get(name);
    if (row) waited = row.state === "waiting";
    paintHead(row, name);
    paintFigures(row);
    const course = courses.get(name);
    const has = Boolean(course && (course.epoch.length || course.tail.length));
    const chosen = besides();
    const others = chosen.filter((one) => courses.has(one));
    paintHint(row, course, has, others.length > 0);
    for (const key of ["loss", "accuracy"]) {
      const list = others.map((one) => ({
        ...series(one, `val_${key}`, { label: called(store.runs.get(one), one), colour: colourOf(one, chosen), width: 1.4, alpha: 0.75 }),
        faint: true,
      }));
      const own = has
        ? [
            series(name, key, { label: t("training"), group: t("training"), colour: "--one", width: 1.6, dash: [5, 3] }),
            series(name, `val_${key}`, { label: t("validation"), group: t("validation"), colour: "--two", width: 2.6, marks: active(row) }),
          ]
        : [];
      charts[key].set([...list, ...own], {
        most: row?.of ?? 0,
        text: has
          ? t("curveText", called(row, name), course.epoch.at(-1) ?? 0, percent(course.val_accuracy.at(-1)), number(course.val_loss.at(-1)))
          : t("noCurve"),
      });
    }
    if (has && pressed) {
      const took = performance.now() - pressed;
      (globalThis.sonmatMeasures ??= {}).firstPoint = took;
      node.dataset.firstPoint = Math.round(took);
      pressed = 0;
    }
    paintBeside();
    paintDiffers(chosen);
    const known = course?.asked && course.recipe && (course.findings.length || (!active(row) && !row?.problem));
    findings.put(name, known ? course.findings : null);
  }

  let differsTold = "";
  function paintDiffers(chosen) {
    const runs = [name, ...chosen].filter((one) => courses.get(one)?.recipe && store.runs.has(one));
    const key = JSON.stringify(runs.map((one) => [one, store.runs.get(one).title]));
    if (key === differsTold) return;
    differsTold = key;
    const found = differences(
      runs.map((one) => ({
        name: short(store.runs.get(one)),
        colour: one === name ? "--two" : colourOf(one, chosen),
        recipe: courses.get(one).recipe,
      })),
    );
    differs.hidden = !found;
    differs.replaceChildren(...(found ? [found] : []));
  }

  /** What is to be said where curves are missing or ended early: over the empty charts, else as a line above them. */
  function paintHint(row, course, has, beside) {
    const text = hintOf(row, course, has);
    hint.hidden = !text;
    if (hint.textContent !== text) hint.textContent = text;
    hint.classList.toggle("over", !has && !beside);
    plots.classList.toggle("blank", !has && !beside);
    plots.hidden = !has && !beside && !text;
  }

  function hintOf(row, course, has) {
    if (lost) return lost;
    if (!name) return t("noCurve");
    if (row?.state === "waiting") return t("waitingCurve", row.position ?? 1);
    if (active(row)) return has ? "" : fetched?.name === name ? t("fetchingData", percent(fetched.done / fetched.of, 0)) : t("compilingCurve");
    if (!has && (row ? !row.problem && !course?.recipe : true)) return t("loading");
    if (row && ["stopped", "interrupted"].includes(row.state) && row.epochs < row.of)
      return row.epochs ? t("stoppedAfter", row.epochs, t("resume")) : t("stoppedBefore", t("resume"));
    return has || row?.problem ? "" : t("noCurve");
  }

  const measured = (now) => now.seconds - (since = Math.min(since, now.seconds)) >= MEASURED;

  function paintFigures(row) {
    const now = store.progress.get(name);
    const going = active(row);
    const course = courses.get(name);
    const of = row?.of || now?.epochs || 0;
    const steps = now ? (now.epoch - 1 + (now.steps ? now.step / now.steps : 0)) / Math.max(1, now.epochs) : 0;
    const part = !row ? 0 : going ? Math.max(steps, (row.epochs ?? 0) / Math.max(1, of)) : of ? row.epochs / of : 0;
    bar.firstChild.style.width = `${(100 * part).toFixed(1)}%`;
    bar.setAttribute("aria-valuenow", Math.round(100 * part));
    bar.classList.toggle("going", Boolean(going));
    const rows = row
      ? [
          [t("valAccuracy"), percent(course?.val_accuracy.at(-1) ?? row.val_accuracy), "big"],
          [t("valLoss"), number(course?.val_loss.at(-1) ?? row.val_loss), "big"],
          [t("epoch"), `${going && now ? now.epoch : row.epochs} / ${of}`],
          going && ending === name
            ? [t("remaining"), t("finishing")]
            : going && now
              ? [t("remaining"), measured(now) ? time(now.remaining) : "…"]
              : [t("took"), time(row.seconds)],
          ...(now?.steps_per_second ? [[t("stepsPerSecond"), count(now.steps_per_second)]] : []),
        ]
      : [];
    while (figures.children.length < rows.length) figures.append(h("div", {}, h("dt"), h("dd")));
    while (figures.children.length > rows.length) figures.lastChild.remove();
    rows.forEach(([what, value, kind], i) => {
      const [dt, dd] = figures.children[i].children;
      if (dt.textContent !== what) dt.textContent = what;
      if (dd.textContent !== value) dd.textContent = value;
      figures.children[i].className = kind ?? "";
    });
  }

  let besideTold = "";
  function paintBeside() {
    const chosen = besides();
    const left = trained().filter((row) => row.name !== name && !chosen.includes(row.name));
    const told = JSON.stringify([
      chosen.map((one) => [one, store.runs.get(one)?.title, store.runs.get(one)?.val_accuracy]),
      left.length,
      left[0]?.name,
      name,
    ]);
    if (told === besideTold) return;
    besideTold = told;
    const box = h(
      "select",
      {
        "aria-label": t("addBeside"),
        class: "small",
        onchange: () => {
          place.set({ beside: [...chosen, box.value] });
          read(box.value);
          draw();
        },
      },
      h("option", { value: "" }, t("addBeside")),
      left.slice(0, 200).map((row) => h("option", { value: row.name }, `${short(row)} · ${percent(row.val_accuracy)}`)),
    );
    const all = () => [
      ...chosen.map((one) =>
        h(
          "span",
          { class: "chip", style: { "--dot": `var(${colourOf(one, chosen)})` } },
          h("i"),
          h("b", { title: one }, store.runs.has(one) ? short(store.runs.get(one)) : one),
          h("span", { class: "soft" }, percent(store.runs.get(one)?.val_accuracy)),
          button(
            "close",
            t("removeBeside", called(store.runs.get(one), one)),
            () => {
              place.set({ beside: chosen.filter((x) => x !== one) });
              draw();
            },
            { text: false },
          ),
        ),
      ),
      ...(left.length && chosen.length < 4 ? [box] : []),
    ];
    rebuilt(beside, () => beside.replaceChildren(...all()));
  }

  const mine = (event) => event.name === name || place.get("beside").includes(event.name);
  const offs = [
    on("progress", (event) => {
      if (!mine(event)) return;
      const course = courseOf(event.name);
      if (course.epoch.length < event.epoch)
        course.tail.push({ at: event.epoch - 1 + event.step / Math.max(1, event.steps), logs: event.logs });
      draw();
    }),
    on("epoch", (event) => {
      if (!mine(event)) return;
      const course = courseOf(event.name);
      const last = course.epoch.at(-1) ?? 0;
      course.tail = [];
      if (event.epoch > last) {
        course.epoch.push(event.epoch);
        for (const key of KEYS) course[key].push(event.logs[key] ?? null);
      }
      draw();
    }),
    on("findings", (event) => {
      if (mine(event)) read(event.name, true);
    }),
    on("runs", (event) => {
      if (!mine(event)) {
        draw();
        return;
      }
      const row = store.runs.get(event.name);
      if (event.state && row && !active(row)) {
        const course = courses.get(event.name);
        if (course) course.tail = [];
        read(event.name, true);
        if (event.name === name) {
          if (event.state === "finished") speak(t("endedSpoken", called(row), percent(row.val_accuracy)));
          ontrained(event.name);
        }
      }
      draw();
    }),
    on("gone", (event) => {
      if (event.name === name) gone(waited ? t("withdrawn") : undefined);
    }),
    on("fetching", (event) => {
      fetched = event.of && event.done < event.of ? event : null;
      if (mine(event)) draw();
    }),
    on("finishing", (event) => {
      ending = event.name;
      if (mine(event)) draw();
    }),
    on("compiled", (event) => {
      if (mine(event)) draw();
    }),
  ];
  return {
    node,
    show,
    draw,
    course: (run) => courses.get(run),
    get name() {
      return name;
    },
    end() {
      offs.forEach((off) => off());
      charts.loss.end();
      charts.accuracy.end();
      cancelAnimationFrame(asked);
    },
  };
}
