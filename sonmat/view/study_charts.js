// The charts of a study: each function gives Plotly's traces and layout from what `study_look.js` has, and knows nothing else.
// The trials as dots, over any places: one trace a state, the best, and the one that was clicked.
function dots(c, across, more, legend) {
  const size = trials.number.length > 3000 ? 4 : trials.number.length > 300 ? 6 : 8;
  const looks = {
    s: { color: c.pale, size: size * 0.85, symbol: scattered === "scatter" ? "circle-open" : "circle", opacity: 0.75 },
    d: { color: c.blue, size, opacity: 0.85 },
    f: { color: c.orange, size: size * 0.9, symbol: scattered === "scatter" ? "x-thin-open" : "x", opacity: 0.7 },
  };
  const found = Object.entries(byState).filter(([, at]) => at.length).map(([kind, at]) => ({
    type: scattered, mode: "markers", x: at.map((i) => across[i]),
    y: at.map((i) => (kind === "f" ? failedAt : put(trials.value[i]))), customdata: at, text: at.map((i) => hover[i]),
    hovertemplate: "%{text}<extra></extra>", marker: looks[kind], name: stateName[kind], legendgroup: kind,
    showlegend: legend, ...more,
  }));
  const single = (i, marker, name, extra) => ({ // in the same layer: WebGL's lies over the others
    type: scattered, mode: "markers", x: i === null ? [] : [across[i]],
    y: i === null ? [] : [trials.state[i] === "f" ? failedAt : put(trials.value[i])], customdata: [i],
    text: i === null ? [] : [hover[i]], hovertemplate: "%{text}<extra></extra>", marker, name, showlegend: legend && !!name,
    ...extra, ...more,
  });
  found.push(single(study.best, { symbol: "star", size: 16, color: c.star, line: { color: "#222222", width: 1.3 } },
    words.best, { legendgroup: "best" }));
  if (study.winner !== null) found.push(single(study.winner, { symbol: "diamond", size: 11, color: c.green,
    line: { color: "#222222", width: 1.2 } }, words.winner, { legendgroup: "winner" }));
  found.push(single(chosenTrial, { symbol: "circle-open", size: 18, color: c.ink, line: { width: 2.5 } }, "", {
    hoverinfo: "skip", hovertemplate: null }));
  return found;
}
let chosenTrial = null;

// Lines across a cell that holds only what was stopped early.
const hatching = (k, r) => [0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75].map((sum) => {
  const [a, b] = [Math.max(0, sum - 1), Math.min(1, sum)];
  return `M ${k - 0.5 + a},${r - 0.5 + (sum - a)} L ${k - 0.5 + b},${r - 0.5 + (sum - b)}`;
}).join(" ");

// Plotly draws an axis of parallel coordinates from its first tick to its last: the ends are ticks without a text.
const whole = ([low, high], { tickvals, ticktext }) => tickvals
  ? { tickvals: [low, ...tickvals, high], ticktext: ["", ...ticktext, ""] } : {};

const charts = {
  finalists(c) {
    const list = study.finalists.slice(0, 12);
    if (!list.length) return null;
    const y = list.map((one) => `${words.trial} ${one.number}`);
    const colour = (row) => (row ? c.blue : c.green);
    const traces = list.map((one, row) => ({
      type: "scatter", mode: "markers", x: one.values, y: one.values.map(() => y[row]), showlegend: row === 0,
      name: words.seed, text: one.seeds.map((seed, i) => `${words.seed} ${seed}: ${digits(one.values[i])}`),
      hovertemplate: "%{text}<extra></extra>", marker: { color: colour(row), size: 10, opacity: 0.65 },
    }));
    traces.push({
      type: "scatter", mode: "markers", x: list.map((one) => one.mean), y, name: words.mean,
      error_x: { array: list.map((one) => one.deviation ?? 0), color: c.ink, thickness: 1.4, width: 0 },
      marker: { symbol: "line-ns-open", size: 20, color: c.ink, line: { width: 3 } },
      text: list.map((one) => `<b>${words.trial} ${one.number}</b> ${digits(one.mean)}` +
        (one.deviation === null ? "" : ` ± ${spread(one.deviation)}`) + `<br>${plain(one.label).replace(/, /g, "<br>")}`),
      hovertemplate: "%{text}<extra></extra>",
    });
    if (list.some((one) => one.promised !== null)) traces.push({
      type: "scatter", mode: "markers", x: list.map((one) => one.promised), y, name: words.promised,
      marker: { symbol: "diamond-open", size: 10, color: c.orange, line: { width: 1.8 } },
      hovertemplate: `${words.promised}: %{x:.4f}<extra></extra>`,
    });
    const annotations = list.map((one, row) => ({
      xref: "paper", x: 1.01, xanchor: "left", y: y[row], text: one.chance === null ? "–" : plain(one.chance),
      showarrow: false, font: { size: row ? 14 : 17, color: row ? c.ink : c.green },
    }));
    return { traces, height: 130 + 52 * list.length, layout: base(c, {
      annotations, margin: { l: 86, r: 84, t: 12, b: 46 }, xaxis: axisLook(c, { ...named(study.metric), ...framed(study.finalists_window) }),
      yaxis: axisLook(c, { autorange: "reversed", gridcolor: c.line, type: "category" }),
    }) };
  },

  history(c) {
    if (study.best === null) return null;
    const traces = dots(c, trials.number, {}, true);
    const { number, value } = study.record;
    if (trials.number.length > 1) traces.push({
      type: scattered, mode: "lines", line: { color: c.ink, width: 1.6, shape: "hv" }, name: words.record,
      x: [...number, trials.number[trials.number.length - 1]], hoverinfo: "skip",
      y: [...value, value[value.length - 1]].map((v) => put(v)),
    });
    return { traces, height: 460, ticks: ["yaxis"], layout: base(c, {
      xaxis: axisLook(c, { ...named(words.trial), showgrid: false, tickformat: ",d" }),
      yaxis: axisLook(c, { ...named(study.axis), ...valueAxis(study.scale, study.window, below) }),
    }) };
  },

  importance(c) {
    const bars = study.bars;
    if (!bars.length) return null;
    const colour = (bar) => (!bar.clear ? c.pale : bar.pair ? c.green : c.blue);
    const trace = (pick, name, swatch) => ({
      type: "bar", orientation: "h", x: bars.map((bar) => (pick(bar) ? bar.share : null)),
      y: bars.map((_, i) => i), text: bars.map((bar) => plain(bar.told)), textposition: "outside", cliponaxis: false,
      marker: { color: bars.map((bar) => (pick(bar) ? colour(bar) : swatch)) }, name,
      hovertemplate: "%{x:.1%}<extra></extra>", textfont: { color: c.ink },
    });
    const traces = [trace((bar) => !bar.pair, words.alone, c.blue)];
    if (bars.some((bar) => bar.pair)) traces.push(trace((bar) => bar.pair, words.together, c.green));
    const most = Math.max(0.03, ...bars.map((bar) => bar.share));
    return { traces, height: 110 + 34 * bars.length, layout: base(c, {
      barmode: "overlay", bargap: 0.35, margin: { l: 62, r: 20, t: 12, b: 46 }, showlegend: traces.length > 1,
      xaxis: axisLook(c, { ...named(words.decides), tickformat: ".0%", range: [0, most * 1.22], fixedrange: true }),
      yaxis: axisLook(c, { range: [bars.length - 0.4, -0.6], tickvals: bars.map((_, i) => i), fixedrange: true,
        ticktext: bars.map((bar) => plain(shorter(bar.label, 34)) + " "), showgrid: false }),
    }) };
  },

  slices(c, width) {
    if (study.best === null || !study.axes.length) return null;
    const shown = study.axes.slice(0, 12);
    const across = Math.min(shown.length, width < 560 ? 1 : width < 900 ? 2 : 3);
    const down = Math.ceil(shown.length / across);
    const height = 60 + 270 * down;
    const layout = base(c, { margin: { l: 92, r: 12, t: 48, b: 12 }, annotations: [] });
    const lined = shown.findIndex((axis) => axis.reach.value.some((v) => v !== null)); // the first with a line names it
    const traces = [];
    const gap = across > 1 ? 0.035 : 0;
    shown.forEach((axis, number) => {
      const [row, column] = [Math.floor(number / across), number % across];
      const id = number ? number + 1 : "";
      const wide = (1 - gap * (across - 1)) / across;
      const left = column * (wide + gap);
      const top = 1 - row / down;
      const high = 1 / down - 78 / (height - 60);
      const domain = { x: [left, left + wide], y: [Math.max(0, top - 38 / (height - 60) - high), top - 38 / (height - 60)] };
      const choice = axis.choices.length > 0;
      layout[`xaxis${id}`] = axisLook(c, { domain: domain.x, exponentformat: axis.plain ? "none" : "e", anchor: `y${id}`, showgrid: false, automargin: false,
        ...(choice ? { tickvals: axis.choices.map((_, i) => i), range: [-0.5, axis.choices.length - 0.5],
          ticktext: axis.choices.map((name) => plain(shorter(name, Math.max(3, Math.floor(46 / axis.choices.length))))) }
          : axis.log ? { type: "log", ...logTicks(axis.ends.map((v, i) => Math.log10(v) + (i ? 0.05 : -0.05))) }
            : { range: axis.ends.map((v, i) => v + (i ? 0.03 : -0.03) * (axis.ends[1] - axis.ends[0])), nticks: 6 }) });
      layout[`yaxis${id}`] = axisLook(c, { domain: domain.y, anchor: `x${id}`, showticklabels: column === 0,
        automargin: false, ...valueAxis(study.scale, study.window, below, 0.09), ...(number ? { matches: "y" } : {}),
        ...(column ? {} : { title: { text: broken(study.axis), standoff: 8 } }) });
      const where = axis.where ? `<br><span style="font-size:11px">${words.where}: ${plain(axis.where)}</span>` : "";
      layout.annotations.push({ xref: "paper", yref: "paper", x: left + wide / 2, y: domain.y[1], yanchor: "bottom",
        text: `<b>${plain(shorter(axis.label, 34))}</b>${where}`, showarrow: false });
      const spots = choice ? axis.values.map((v, i) => (v === null ? null : v + jitter[i])) : axis.values;
      traces.push(...dots(c, spots, { xaxis: `x${id}`, yaxis: `y${id}` }, number === 0));
      const line = { type: scattered, mode: "lines", line: { color: c.green, width: 2.5 }, name: words.reach,
        hoverinfo: "skip", xaxis: `x${id}`, yaxis: `y${id}`, showlegend: number === lined, legendgroup: "reach" };
      const { at, value } = axis.reach;
      traces.push(choice ? { ...line, x: at.flatMap((v) => [v - 0.36, v + 0.36, null]),
        y: value.flatMap((v) => [put(v), put(v), null]) } : { ...line, x: at, y: value.map((v) => put(v)) });
    });
    layout.legend.y = 1.0;
    const id = (number) => (number ? number + 1 : "");
    const logs = shown.map((axis, number) => (axis.log && !axis.choices.length ? `xaxis${id(number)}` : "")).filter(Boolean);
    return { traces, height, layout, logs, ticks: shown.map((_, number) => `yaxis${id(number)}`) };
  },

  heatmap(c) {
    const pair = study.pairs[Number(document.getElementById("pair")?.value ?? 0)];
    if (!pair || study.best === null) return null;
    const told = pair.value.map((row, r) => row.map((v, k) => v === null ? (pair.tried[r][k] ? "×" : "")
      : digits(v) + (pair.spread[r][k] === null ? "" : `<br>±${spread(pair.spread[r][k])}`)));
    const annotations = [];
    const shapes = [];
    const frames = [];
    pair.value.forEach((row, r) => row.forEach((v, k) => {
      const strong = pair.shade[r][k] !== null && pair.shade[r][k] > 0.55 && !pair.partial[r][k];
      const colour = v === null ? c.orange : strong ? (dark() ? "#10222e" : "#ffffff") : c.ink;
      annotations.push({ x: k, y: r, text: told[r][k], showarrow: false, font: { size: v === null ? 18 : 11.5, color: colour } });
      if (pair.partial[r][k]) shapes.push({ type: "path", path: hatching(k, r), line: { color: c.soft, width: 0.8 }, opacity: 0.45 });
      if (pair.best && pair.best[0] === r && pair.best[1] === k)
        frames.push({ type: "rect", x0: k - 0.5, x1: k + 0.5, y0: r - 0.5, y1: r + 0.5, line: { color: c.orange, width: 3 } });
    }));
    shapes.push(...frames); // over the hatching
    const pick = (partial) => pair.shade.map((row, r) => row.map((v, k) => (pair.partial[r][k] === partial ? v : null)));
    const heat = (partial) => ({ type: "heatmap", z: pick(partial), opacity: partial ? 0.5 : 1, zmin: 0, zmax: 1, colorscale: goodness(c), showscale: false, xgap: 2,
      ygap: 2, hoverongaps: false, customdata: pair.tried, text: pair.seeds.map((row) => row.map((n) => `${n} ${words.seeds}`)),
      hovertemplate: `${plain(pair.across)} %{x}<br>${plain(pair.down)} %{y}<br>%{customdata} ${words.trials}, %{text}${
        partial ? `<br>${words.partial}` : ""}<extra></extra>` });
    const entry = (name, marker) => ({ type: "scatter", mode: "markers", x: [null], y: [null], name, marker });
    const any = (test) => pair.value.some((row, r) => row.some((v, k) => test(v, r, k)));
    const traces = [heat(false), heat(true), entry(words.cell, { symbol: "square-open", size: 12, color: c.orange, line: { width: 3 } })];
    if (any((_, r, k) => pair.partial[r][k])) traces.push(entry(words.partial, { symbol: "square-x-open", size: 12, color: c.soft }));
    if (any((v, r, k) => v === null && pair.tried[r][k])) traces.push(entry(words.lost, { symbol: "x-thin-open", size: 9, color: c.orange }));
    const names = (list, most) => ({ tickvals: list.map((_, i) => i), ticktext: list.map((n) => plain(shorter(n, most))) });
    return { traces, height: 140 + 44 * pair.names_down.length, least: 130 + 62 * pair.names_across.length, layout: base(c, {
      annotations, shapes, dragmode: false,
      xaxis: axisLook(c, { ...named(pair.along[0]), range: [-0.5, pair.names_across.length - 0.5], ...names(pair.names_across, 10), showgrid: false, fixedrange: true }),
      yaxis: axisLook(c, { ...named(pair.along[1]), ...names(pair.names_down, 14), showgrid: false,
        range: [pair.names_down.length - 0.5, -0.5], fixedrange: true }),
    }) };
  },

  parallel(c) {
    const there = study.lines.trials; // the best last: it is drawn over the others
    if (!there.length || !study.axes.length || !webgl) return null;
    const dimensions = study.axes.slice(0, 10).map((axis) => {
      const choice = axis.choices.length > 0;
      const at = (v) => (v === null ? null : axis.log ? Math.log10(v) : v);
      const ends = choice ? [-0.5, axis.choices.length - 0.5] : axis.ends.map(at);
      const dimension = { label: plain(shorter(axis.label, 18)), range: ends,
        values: there.map((i) => (choice && axis.values[i] !== null ? axis.values[i] + jitter[i] * 0.7 : at(axis.values[i]))) };
      if (choice) Object.assign(dimension, whole(ends, { tickvals: axis.choices.map((_, i) => i),
        ticktext: axis.choices.map((n) => plain(shorter(n, 12))) }));
      else if (axis.log) Object.assign(dimension, whole(ends, decades(...ends)));
      return dimension;
    });
    const spots = there.map((i) => (study.scale === "log" ? Math.log10(trials.value[i]) : put(trials.value[i])));
    const range = study.window;
    const ticks = study.scale === "one" ? ticksNearOne(...range) : study.scale === "log" ? decades(...range) : {};
    dimensions.push({ label: broken(study.axis), range, values: spots.map((v) => Math.max(range[0], Math.min(range[1], v))),
      ...whole(range, ticks) });
    const looks = [dark() ? "#4a545d" : "#b3bec6", c.blue, c.green, c.orange]; // as the legend in the page has them
    const scale = looks.flatMap((colour, kind) => [[kind / 4, colour], [(kind + 1) / 4, colour]]);
    return { traces: [{ type: "parcoords", dimensions, labelfont: { color: c.ink, size: 12.5 }, tickfont: { color: c.ink,
      size: 11 }, rangefont: { color: "rgba(0,0,0,0)", size: 1 }, line: { color: study.lines.kind, cmin: -0.5, cmax: 3.5,
      colorscale: scale }, unselected: { line: { color: c.line, opacity: 0.25 } } }],
      height: 430, layout: base(c, { margin: { l: 70, r: 100, t: 72, b: 20 } }) };
  },

  fan(c, width) {
    const { curves, rungs, scale } = study.fan;
    if (!curves.length || study.best === null) return null;
    const groups = new Map();
    const finished = curves.filter((one) => trials.state[one.trial] === "d").map((one) => one.trial);
    const rank = new Map(finished.map((i, k) => [i, k / Math.max(1, finished.length - 1)]));
    curves.forEach((one) => {
      const level = trials.state[one.trial] === "d" ? Math.min(4, Math.floor(rank.get(one.trial) * 5)) : -1;
      if (!groups.has(level)) groups.set(level, { x: [], y: [] });
      const group = groups.get(level);
      group.x.push(...one.epochs, null);
      group.y.push(...one.values.map((v) => put(v, scale)), null);
    });
    const points = curves.reduce((sum, one) => sum + one.epochs.length, 0);
    const traces = [...groups].sort((a, b) => a[0] - b[0]).map(([level, data]) => ({
      type: points > 6000 ? "scattergl" : "scatter", mode: points > 1500 ? "lines" : "lines+markers", ...data,
      hoverinfo: "skip", connectgaps: false, marker: { size: 3 },
      line: { width: 1, color: level < 0 ? c.pale : shade(0.3 + 0.7 * (level / 4), c.goodness) },
      opacity: level < 0 ? 0.5 : 0.8, name: level < 0 ? words.stopped : words.done, legendgroup: String(level < 0),
      showlegend: level < 0 || level === Math.max(...groups.keys()),
    }));
    for (const [at, paint, name] of [[study.winner, c.green, words.winner], [study.best, c.orange, words.best]]) {
      const one = curves.find((curve) => curve.trial === at);
      if (one) for (const [colour, width] of [[c.ground, 4], [paint, 2.8]]) traces.push({ // a wide edge would cut the others
        type: "scatter", mode: one.epochs.length > 1 ? "lines" : "markers", x: one.epochs, y: one.values.map((v) => put(v, scale)),
        line: { color: colour, width }, marker: { color: colour, size: width * 2 }, showlegend: width < 4,
        name, text: one.values.map(digits), hovertemplate: `${words.epoch} %{x}: %{text}<extra></extra>`,
      });
    }
    let before = trials.number.length;
    const annotations = [];
    const longest = Math.max(...curves.map((one) => one.epochs[one.epochs.length - 1]));
    let last = -Infinity;
    const shapes = rungs.map(([at, left]) => {
      if (((at - last) / longest) * width > 100) { // else its text would stand on the one before
        annotations.push({ x: at, y: 1, yref: "paper", yanchor: "bottom", showarrow: false, font: { size: 11, color: c.soft },
          text: `${before.toLocaleString("en")} → ${left.toLocaleString("en")}` });
        last = at;
      }
      before = left;
      return { type: "line", x0: at, x1: at, y0: 0, y1: 1, yref: "paper", line: { color: c.soft, width: 1, dash: "dot" } };
    });
    const layout = base(c, { annotations, shapes, margin: { l: 62, r: 20, t: 30, b: 46 },
      xaxis: axisLook(c, { ...named(words.epoch), showgrid: false, range: [1 - 0.02 * longest, longest + 0.03 * longest] }),
      yaxis: axisLook(c, { ...named(study.fan.axis), ...valueAxis(scale, study.fan.window) }) });
    layout.legend.y = 1.07;
    return { traces, height: 460, layout, ticks: ["yaxis"], kind: scale };
  },

  timeline(c) {
    const time = study.timeline;
    if (!time) return null;
    const [unit, name] = time.seconds > 7200 ? [3600, words.hours] : time.seconds > 150 ? [60, words.minutes] : [1, words.seconds];
    const levels = [...new Set(time.epochs)].sort((a, b) => a - b);
    const traces = levels.map((epochs, level) => {
      const at = time.epochs.map((e, i) => (e === epochs ? i : -1)).filter((i) => i >= 0);
      return { type: "bar", orientation: "h", y: at.map((i) => time.lane[i]), base: at.map((i) => time.began[i] / unit),
        x: at.map((i) => time.lasted[i] / unit), width: 0.72, name: `${words.to} ${epochs}`,
        marker: { color: shade(levels.length > 1 ? 0.15 + 0.8 * (level / (levels.length - 1)) : 0.75, c.goodness),
          line: { color: c.ground, width: at.length < 400 ? 0.7 : 0 } },
        text: at.map((i) => `${time.trials[i]} ${words.trials}` + (time.failed[i] ? `, ${time.failed[i]} ${words.failed}` : "") +
          `<br>${epochs} ${words.epochs}, ${short(time.lasted[i])} ${words.seconds}`), textposition: "none",
        hovertemplate: "%{text}<extra></extra>" };
    });
    const shapes = time.pauses.map(([at]) => ({ type: "line", x0: at / unit, x1: at / unit, y0: 0, y1: 1, yref: "paper",
      line: { color: c.soft, width: 1.2, dash: "dot" } }));
    const annotations = time.pauses.map(([at, lasted]) => ({ x: at / unit, y: 1, yref: "paper", yanchor: "bottom",
      showarrow: false, font: { size: 11, color: c.soft }, text: `${words.pause} ${short(lasted / 60)} ${words.minutes}` }));
    return { traces, height: 130 + Math.min(60, 460 / time.lanes) * time.lanes, layout: base(c, {
      barmode: "overlay", shapes, annotations, xaxis: axisLook(c, { ...named(name), range: [0, time.seconds / unit] }),
      yaxis: axisLook(c, { ...named(words.core), range: [time.lanes - 0.4, -0.6], dtick: Math.ceil(time.lanes / 16),
        fixedrange: true, showgrid: false }), margin: { l: 62, r: 16, t: 26, b: 46 },
    }) };
  },
};
