// The live side of the Train screen: the run's curves, its figures, what they say, and what can be done with it.
import { at, patch, post, remove, told } from "./api.js";
import { LineChart } from "./chart.js";
import { remember } from "./controls.js";
import { KEYS, changeText, courseOf, courses, readCourse } from "./courses.js";
import { ask, button, glyph, h, notice, speak, sure } from "./dom.js";
import { place } from "./state.js";
import { called, on, store, trained } from "./store.js";
import { count, number, percent, stateName, t, time } from "./texts.js";

const active = (row) => row && (row.state === "training" || row.state === "waiting");
const BESIDE = ["--c3", "--c4", "--c5", "--c6"];

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
  const head = h("div", { class: "runhead" });
  const figures = h("dl", { class: "figures" });
  const bar = h(
    "div",
    { class: "bar", role: "progressbar", "aria-label": t("progressWord"), "aria-valuemin": 0, "aria-valuemax": 100 },
    h("i"),
  );
  const plots = h("div", { class: "plots" }, charts.accuracy.node, charts.loss.node);
  const empty = h("p", { class: "curvehint" });
  const beside = h("div", { class: "row besides" });
  const onward = h("div", { class: "row onward" });
  const findings = h("section", { class: "findings card", hidden: true });
  const node = h(
    "div",
    { class: "live" },
    h("section", { class: "card" }, head, bar, figures, h("div", { class: "stack" }, plots, empty), beside, onward),
    findings,
  );
  let name = "";
  let ending = ""; // the run whose epochs are over, and which is being tested and calibrated
  let fetched = null; // how far a download of the data is
  let asked = 0;
  let pressed = 0;
  let builtHead = "";

  async function read(run, again = false) {
    try {
      await readCourse(run, again);
    } catch (error) {
      if (error.status !== 404) told(error);
      else if (run === name) gone();
    }
    draw();
  }

  function gone() {
    empty.textContent = t("gone", name);
    place.set({ run: "" });
    show("");
  }

  /** Show a run; `since`: when its button was pressed, for the time to the first point. */
  function show(run, since = 0) {
    name = run;
    pressed = since;
    builtHead = "";
    if (run) remember(run);
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
    paintHead(row);
    paintFigures(row);
    const course = courses.get(name);
    const has = course && (course.epoch.length || course.tail.length);
    plots.classList.toggle("dim", !has);
    empty.hidden = Boolean(has);
    if (!has)
      empty.textContent = !name
        ? t("noCurve")
        : row?.state === "waiting"
          ? t("waitingCurve", row.position ?? 1)
          : active(row) && fetched?.name === name
            ? t("fetchingData", percent(fetched.done / fetched.of, 0))
            : active(row)
              ? t("compilingCurve")
              : row && !course?.recipe
                ? t("loading")
                : t("noCurve");
    const others = place.get("beside").filter((one) => one !== name && courses.has(one));
    for (const key of ["loss", "accuracy"]) {
      const list = others.map((one, i) => ({
        ...series(one, `val_${key}`, { label: called(store.runs.get(one), one), colour: BESIDE[i % 4], width: 1.4, alpha: 0.75 }),
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
    paintFindings(course);
  }

  function paintHead(row) {
    const key = JSON.stringify([row?.name, row?.title, row?.state, row?.epochs, row?.of, row?.problem]);
    if (key === builtHead) return;
    builtHead = key;
    if (!row) {
      head.replaceChildren(h("h2", {}, name || t("curves")));
      onward.replaceChildren();
      return;
    }
    const going = active(row);
    const more = row.state === "finished" ? Math.max(1, row.of) : null;
    head.replaceChildren(
      h("div", { class: "row" }, h("h2", {}, called(row)), h("span", { class: `badge ${row.state}` }, stateName(row.state))),
      h(
        "div",
        { class: "row acts" },
        going
          ? button("stop", t("stop"), () => post(at("runs", row.name, "stop")).catch(told), { kind: "small danger", id: "stop" })
          : row.state === "failed"
            ? null
            : button("play", more ? t("resumeMore", more) : t("resume"), () => resume(row, more), { kind: "small", id: "resume" }),
        button("copy", t("duplicate"), () => place.go("train", { base: `run:${row.name}`, run: "", beside: [row.name] }), {
          text: false,
          id: "duplicate",
        }),
        button("pen", t("rename"), () => rename(row), { text: false }),
        going ? null : button("bin", t("remove"), () => erase(row), { text: false }),
      ),
      ...(row.problem ? [h("p", { class: "small problem" }, h("b", { class: "badtext" }, row.problem), " ", row.fix)] : []),
    );
    onward.replaceChildren(
      ...(row.epochs > 0
        ? [
            ["draw", "openDraw", { runs: [row.name] }],
            ["look", "openLook", { run: row.name }],
            ["test", "openTest", { run: row.name }],
          ]
        : []
      ).map(([screen, text, keys]) => h("a", { class: "button small", href: place.to(screen, keys) }, glyph(screen), t(text))),
    );
  }
  async function resume(row, epochs) {
    try {
      await post(at("runs", row.name, "resume"), { epochs });
      const course = courses.get(row.name);
      if (course) course.tail = [];
    } catch (error) {
      told(error);
    }
  }

  async function rename(row) {
    const title = await ask(t("renameAsk"), called(row), t("save"), t("cancel"));
    if (title) patch(at("runs", row.name), { title }).catch(told);
  }

  async function erase(row) {
    if (!(await sure(t("sureDelete", called(row)), t("remove"), t("cancel")))) return;
    try {
      await remove(at("runs", row.name));
      notice(t("deleted"), "", "good");
      place.set({ run: "" });
      show("");
    } catch (error) {
      told(error);
    }
  }

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
              ? [t("remaining"), time(now.remaining)]
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
    const chosen = place.get("beside").filter((one) => one !== name);
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
      left.slice(0, 200).map((row) => h("option", { value: row.name }, `${called(row)} · ${percent(row.val_accuracy)}`)),
    );
    beside.replaceChildren(
      ...chosen.map((one, i) =>
        h(
          "span",
          { class: "chip", style: { "--dot": `var(${BESIDE[i % 4]})` } },
          h("i"),
          h("b", {}, called(store.runs.get(one), one)),
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
    );
  }

  let findingsTold = "";
  function paintFindings(course) {
    const list = course?.findings ?? [];
    const told = JSON.stringify([name, list]);
    if (told === findingsTold) return;
    findingsTold = told;
    findings.hidden = !course?.asked || !course.recipe || (active(store.runs.get(name)) && !list.length);
    findings.replaceChildren(
      h("h2", {}, t("whatItMeans")),
      list.length ? h("ul", {}, list.map(finding)) : h("p", { class: "soft" }, t("nothingFound")),
    );
  }

  function finding(one) {
    const why = one.evidence
      ? h(
          "details",
          {},
          h("summary", {}, t("evidence")),
          h("p", { class: "soft small" }, one.evidence),
          one.command ? h("code", {}, one.command) : null,
        )
      : null;
    const apply = one.change ? button("play", t("apply"), () => onapply(name, one.change), { kind: "small" }) : null;
    const change = one.change ? h("span", { class: "mono small soft" }, changeText(one.change)) : null;
    return h(
      "li",
      { class: `finding ${one.severity}` },
      h("b", {}, one.title),
      h("p", {}, one.advice),
      h("div", { class: "row" }, apply, change, why),
    );
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
