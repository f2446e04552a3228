// Sweep: a space, its cost before it starts, trials as they arrive, and what they say.
import { at, get, post, told } from "./api.js";
import { button, h, renewed, speak } from "./dom.js";
import { parallel } from "./parallel.js";
import { place } from "./state.js";
import { on } from "./store.js";
import { sweepForm } from "./sweep_form.js";
import { fanChart, finalists, heatmap, historyChart, importance } from "./sweep_charts.js";
import { join } from "./sweep_news.js";
import { settingText } from "./sweep_scale.js";
import { settingName } from "./space_builder.js";
import { count, number, percent, stateName, t, time, when } from "./texts.js";

export function mount(root) {
  let closed = false;
  const form = sweepForm({
    onbegun: (name) => {
      place.set({ study: name, trial: null }, true);
      readList();
      show();
    },
  });
  const list = h("div", { class: "studies" });
  const results = h("div", { class: "results" });
  const board = h(
    "div",
    { class: "sweepboard" },
    h("div", { class: "side" }, form.node, h("section", { class: "card" }, h("h2", {}, t("studies")), list)),
    results,
  );
  root.append(h("h1", { class: "unseen" }, t("sweep")), board);

  // The list
  let studies = [];
  let listed = false;
  async function readList() {
    try {
      const answer = await get("/api/studies");
      studies = answer.rows.sort((a, b) => (a.made < b.made ? 1 : -1));
    } catch (error) {
      told(error);
      return;
    }
    if (closed) return;
    listed = true;
    list.replaceChildren(
      ...(studies.length
        ? studies.slice(0, 100).map((one) =>
            h(
              "button",
              {
                type: "button",
                class: `study${one.name === place.get("study") ? " chosen" : ""}`,
                onclick: () => {
                  place.set({ study: one.name, trial: null }, true);
                  show();
                  readList();
                },
              },
              h("b", {}, one.title || one.name),
              h("span", { class: `badge ${one.state}` }, stateName(one.state)),
              h("span", { class: "soft small" }, t("trialsOf", one.done ?? 0, one.of ?? 0)),
              h("span", { class: "soft small right" }, one.made ? when(one.made) : ""),
            ),
          )
        : [h("p", { class: "soft small" }, t("noStudies"))]),
    );
    if (!place.get("study") && studies.length) {
      place.set({ study: studies[0].name });
      show();
    }
    head();
    if (!place.get("study")) show();
  }

  // The study that is shown
  let study = null;
  let winner = null;
  let shown = "";
  const fan = fanChart();
  const history = historyChart({ onpick: (i) => choose(i) });
  const lines = parallel({ onpick: (i) => choose(i) });
  const acts = h("div");
  const bar = h("div", { class: "bar" }, h("i"));
  const figures = h("dl", { class: "figures" });
  const top = h("section", { class: "card studyhead" }, acts, bar, figures);
  const heat = h("section", { class: "card" });
  const matter = h("section", { class: "card" });
  const finals = h("section", { class: "card", hidden: true });
  const card = h("section", { class: "card trialcard", hidden: true, "aria-live": "polite" });
  const empty = h("p", { class: "empty" }, t("noStudies"));
  let progress = null;

  async function show() {
    const name = place.get("study");
    board.classList.toggle("has", Boolean(name));
    if (!name) {
      results.replaceChildren(listed ? empty : h("p", { class: "empty", role: "status" }, t("loading")));
      return;
    }
    if (shown !== name) {
      study = null;
      winner = null;
      progress = null;
      shown = name;
    }
    try {
      const began = performance.now();
      const next = await get(at("studies", name));
      took = performance.now() - began;
      if (closed || place.get("study") !== name) return;
      study = next.payload && named(next.payload, ["training", "waiting"].includes(next.row?.state));
      winner = next.winner;
      const at_ = studies.findIndex((one) => one.name === name);
      if (at_ >= 0) studies[at_] = next.row;
      else if (next.row) studies.push(next.row);
    } catch (error) {
      if (error.status === 404 && !closed) {
        results.replaceChildren(empty);
        place.set({ study: "" });
      }
      told(error);
      return;
    }
    paint();
  }
  // Settings are called as in the form; a sweep that goes on has stopped nobody for good yet.
  const named = (payload, going) => {
    const labels = new Map(payload.axes.map((axis) => [axis.label, settingName(axis.name)]));
    for (const bar of payload.bars) bar.label = bar.label.split(" × ").map((one) => labels.get(one) ?? one).join(" × ");
    for (const axis of payload.axes) [axis.written, axis.label] = [axis.label, settingName(axis.name)];
    return Object.assign(payload, { going });
  };
  // The whole of a long study takes long to work out and to send: it is asked for a tenth of the time at most.
  let took = 0;
  let waiting = 0;
  const fresh = () => {
    if (!waiting)
      waiting = setTimeout(
        async () => {
          await show();
          waiting = 0;
        },
        Math.max(900, 9 * took),
      );
  };

  function head() {
    const row = studies.find((one) => one.name === place.get("study"));
    if (!row) return;
    const going = ["training", "waiting"].includes(row.state);
    const of = row.of ?? progress?.of ?? 0;
    const finals = going && progress?.phase === "finalists" ? progress : null; // it counts the finalists' trainings
    const told_ = finals ? of : (progress?.done ?? row.done ?? 0);
    const done = Math.min(of, Math.max(told_, row.done ?? 0, study?.trials?.number.length ?? 0));
    const best = study && study.best !== null && study.best !== undefined ? study.trials.value[study.best] : progress?.best?.value;
    renewed(acts, [row.name, row.title, row.state, row.problem, row.fix, study ? study.best !== null : null, winner?.trial], () => actsOf(row, going));
    bar.classList.toggle("going", going);
    bar.firstChild.style.width = `${of ? (100 * done) / of : 0}%`;
    figures.replaceChildren(
      ...[
        [t(going ? "bestSoFar" : "bestWord"), best === undefined || best === null ? "–" : worth(best), "big"],
        [t("trialsWord"), `${count(done)} / ${count(of)}`],
        ...(finals ? [[t("finalsWord"), `${count(finals.done)} / ${count(finals.of)}`]] : []),
        [going ? t("remaining") : t("took"), time(going ? progress?.remaining : row.seconds)],
      ].map(([what, value, kind]) => h("div", { class: kind ?? "" }, h("dt", {}, what), h("dd", {}, value))),
    );
  }

  const actsOf = (row, going) => [
    h(
      "div",
      { class: "row apart" },
      h("div", { class: "row" }, h("h2", {}, row.title || row.name), h("span", { class: `badge ${row.state}` }, stateName(row.state))),
      h(
        "div",
        { class: "row" },
        going
          ? button("stop", t("stop"), () => act("stop"), { kind: "small danger", id: "stopstudy" })
          : ["stopped", "interrupted", "failed"].includes(row.state)
            ? button("play", t("resume"), () => act("resume"), { kind: "small", id: "resumestudy" })
            : null,
        study && study.best !== null ? h("a", { class: "button small", id: "studypage", target: "_blank", href: page(row.name) }, t("studyPage")) : null,
        winner?.trial !== undefined && winner?.trial !== null && study
          ? button("train", t("openRun"), () => train(winner.trial), { kind: "small", id: "openwinner" })
          : null,
      ),
    ),
    row.problem ? h("p", { class: "small" }, h("b", { class: "badtext" }, row.problem), " ", row.fix ?? "") : "",
  ];

  const page = (name) => `${at("studies", name, "page")}?lang=${document.documentElement.lang}`;
  const worth = (value) => (study?.percent ? percent(value) : number(value, 5));

  async function act(what) {
    try {
      await post(at("studies", place.get("study"), what));
      await readList();
    } catch (error) {
      told(error);
    }
  }

  function paint() {
    head();
    const none = !study || study.best === null || study.best === undefined || !study.trials?.number.length;
    if (none) {
      const state = studies.find((one) => one.name === place.get("study"))?.state;
      results.replaceChildren(top, h("p", { class: "empty" }, t(["training", "waiting", undefined].includes(state) ? "noneYet" : "noTrials")));
      return;
    }
    if (fan.node.parentNode?.parentNode !== results) {
      results.replaceChildren(
        top,
        h("section", { class: "card" }, fan.node, h("p", { class: "lead" }, t("fanLead"))),
        h("section", { class: "card" }, history.node),
        card,
        heat,
        matter,
        h("section", { class: "card wide" }, lines.node),
        finals,
      );
    }
    const chosen = place.get("trial");
    const index = chosen === null ? null : study.trials.number.indexOf(chosen);
    fan.put(study);
    history.put(study, index !== null && index >= 0 ? index : null);
    lines.put(study, index !== null && index >= 0 ? index : null);
    heat.replaceChildren(
      h("h2", {}, t("heat")),
      h("p", { class: "lead" }, t("heatLead")),
      heatmap(study, place.get("across"), (across) => {
        place.set({ across });
        paint();
      }),
    );
    heat.classList.toggle("wide", Boolean(heat.querySelector("tr")?.children.length > 7));
    matter.replaceChildren(h("h2", {}, t("matters")), importance(study));
    const table = finalists(study);
    finals.hidden = !table;
    if (table) finals.replaceChildren(h("h2", {}, t("finalistsTable")), table);
    paintCard(index !== null && index >= 0 ? index : (study.winner ?? study.best));
  }

  let drawing = 0;
  /** Trials that came since the whole was read, in the chart that needs nothing else. */
  function arrived() {
    drawing ||= requestAnimationFrame(() => {
      drawing = 0;
      if (closed || !study) return;
      head();
      const chosen = study.trials.number.indexOf(place.get("trial"));
      history.put(study, chosen >= 0 ? chosen : null);
    });
  }

  function choose(i) {
    place.set({ trial: study.trials.number[i] });
    paint();
  }

  const marksOf = (i) => [
    i === study.best ? ` · ${t(study.going ? "bestSoFar" : "bestWord")}` : "",
    study.trials.number[i] === winner?.trial ? ` · ${t("winnerWord")}` : "",
  ];

  function paintCard(i) {
    card.hidden = i === null || i === undefined;
    if (card.hidden) return;
    const n = study.trials.number[i];
    const state = { d: t("toTheEnd"), s: t(study.going ? "heldBack" : "stoppedEarly"), f: t("failedWord") }[study.trials.state[i]];
    const name = [t("trialNo", n), ...marksOf(i)].join("");
    const facts = [
      [study.metric, worth(study.trials.value[i])],
      [t("state"), state],
      [t("epochs"), String(study.trials.epochs[i])],
      ...study.axes.map((axis) => [axis.label, settingText(axis, i)]),
    ];
    const reason = study.trials.reason?.[i];
    renewed(card, [place.get("study"), name, facts, reason, n === winner?.trial], () => [
      h(
        "div",
        { class: "row apart" },
        h("h2", {}, name),
        button("train", t(n === winner?.trial ? "openRun" : "openTrial"), () => train(n), { kind: "small", id: "opentrial" }),
      ),
      h("dl", { class: "facts" }, ...facts.map(([what, value]) => h("div", {}, h("dt", {}, what), h("dd", {}, value)))),
      reason ? h("p", { class: "small badtext" }, reason) : "",
    ]);
  }

  async function train(n) {
    try {
      const { name } = await post(at("studies", place.get("study"), "trials", n, "open"));
      speak(t("startedSpoken", name));
      place.go("train", { base: `run:${name}`, run: name });
    } catch (error) {
      told(error);
    }
  }

  const mine = (event) => event.name === place.get("study");
  const offs = [
    on("study", (event) => {
      if (mine(event)) {
        progress = { ...progress, ...event };
        head();
        fresh();
      }
    }),
    on("study_begun", (event) => {
      readList();
      if (mine(event)) fresh();
    }),
    on("study_ended", (event) => {
      readList();
      if (mine(event)) {
        progress = null;
        show();
      }
    }),
    on("trials", (event) => {
      if (!mine(event)) return;
      if (study && join(study, event.trials)) arrived();
      fresh();
    }),
  ];
  readList();
  show();
  return {
    unmount() {
      closed = true;
      fan.end();
      history.end();
      lines.end();
      form.end();
      clearTimeout(waiting);
      offs.forEach((off) => off());
    },
  };
}
