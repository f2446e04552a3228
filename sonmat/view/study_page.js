// The page: draws the charts when they come near, keeps the clicked trial, sorts and searches the table.
const config = { displayModeBar: false, responsive: true, showTips: false, doubleClick: "reset" };
const drawn = new Map();

function draw(name) {
  const div = document.getElementById(name);
  if (!div) return;
  const width = div.clientWidth;
  const chart = charts[name](colours(), width);
  if (!chart) {
    div.closest(".box").hidden = true;
    return;
  }
  div.style.height = `${chart.height}px`;
  if (chart.least) div.style.minWidth = `${chart.least}px`; // the box around it scrolls
  chart.layout.height = chart.height;
  const fresh = !drawn.has(name);
  drawn.set(name, width);
  Plotly.react(div, chart.traces, chart.layout, config).then(() => fitTicks(div, chart));
  if (!fresh) return;
  div.on("plotly_click", (event) => {
    const at = event.points[0]?.customdata;
    if (Number.isInteger(at) && name !== "heatmap") choose(at);
  });
  div.on("plotly_relayout", (change) => {
    if (Object.keys(change).some((key) => /^yaxis.*range/.test(key))) fitTicks(div, chart);
    if (Object.keys(change).some((key) => /^xaxis.*range/.test(key))) fitLogs(div, chart);
  });
}

function fitLogs(div, chart) {
  const update = {};
  for (const axis of chart.logs ?? []) {
    const { tickvals, ticktext } = logTicks([...div.layout[axis].range]);
    if (tickvals && String(tickvals) !== String(div.layout[axis].tickvals))
      Object.assign(update, { [`${axis}.tickvals`]: tickvals, [`${axis}.ticktext`]: ticktext });
  }
  if (Object.keys(update).length) Plotly.relayout(div, update);
}

// Ticks near 1 are ours, so they follow a zoom only when told to.
function fitTicks(div, chart) {
  if (!chart.ticks || (chart.kind ?? study.scale) !== "one") return;
  const range = div.layout.yaxis.range;
  const ticks = ticksNearOne(Math.min(...range), Math.max(...range));
  if (String(ticks.tickvals) === String(div.layout.yaxis.tickvals)) return;
  const update = {};
  for (const axis of chart.ticks) Object.assign(update, { [`${axis}.tickvals`]: ticks.tickvals, [`${axis}.ticktext`]: ticks.ticktext });
  Plotly.relayout(div, update);
}

// Ten thousand trials in nine charts at once would make the page wait: each is drawn when it is about to be seen.
const near = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting && !drawn.has(entry.target.id)) draw(entry.target.id);
}, { rootMargin: "600px" });
for (const name of Object.keys(charts)) {
  const div = document.getElementById(name);
  if (div) near.observe(div);
}
const again = () => { for (const name of drawn.keys()) draw(name); };
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
addEventListener("resize", () => {
  const slices = document.getElementById("slices");
  if (drawn.has("slices") && slices.clientWidth !== drawn.get("slices")) draw("slices");
});
addEventListener("beforeprint", () => { for (const name of Object.keys(charts)) if (!drawn.has(name)) draw(name); });

const pair = document.getElementById("pair");
if (pair) {
  study.pairs.forEach((two, i) => pair.append(new Option(`${shorter(two.across, 30)} × ${shorter(two.down, 30)}`, i)));
  pair.addEventListener("change", () => draw("heatmap"));
}

// The clicked trial.
const card = document.getElementById("card");
const made = (tag, content, more = {}) => Object.assign(document.createElement(tag), { textContent: content, ...more });

function choose(at) {
  chosenTrial = at;
  card.replaceChildren();
  card.hidden = at === null;
  if (at !== null) {
    const close = made("button", "✕", { className: "close", ariaLabel: "✕" });
    close.addEventListener("click", () => choose(null));
    const list = document.createElement("dl");
    const rows = [[study.metric, digits(trials.value[at])], [words.state, stateName[trials.state[at]]],
      [words.epochs, trials.epochs[at]], [words.seconds, short(trials.seconds[at])],
      ...study.axes.map((axis) => [axis.label, setting(axis, at)])];
    if (trials.reason[at]) rows.push([words.reason, trials.reason[at]]);
    for (const [name, value] of rows) list.append(made("dt", name), made("dd", value));
    card.append(close, made("h3", `${words.trial} ${trials.number[at]}`), list);
  }
  for (const name of ["history", "slices"]) if (drawn.has(name)) draw(name);
  show();
}
addEventListener("keydown", (event) => { if (event.key === "Escape" && chosenTrial !== null) choose(null); });

// The table: all rows in memory, fifty of them in the page.
const PAGE = 50;
const columns = [
  { name: words.trial, sort: (i) => trials.number[i], text: (i) => String(trials.number[i]) },
  { name: study.metric, sort: (i) => trials.value[i], text: (i) => digits(trials.value[i]), right: true },
  { name: words.state, sort: (i) => "dsf".indexOf(trials.state[i]), text: (i) => stateName[trials.state[i]] },
  { name: words.epochs, sort: (i) => trials.epochs[i], text: (i) => String(trials.epochs[i]), right: true },
  { name: words.seconds, sort: (i) => trials.seconds[i], text: (i) => short(trials.seconds[i]), right: true },
  ...study.axes.map((axis) => ({ name: axis.label, sort: (i) => axis.values[i], text: (i) => setting(axis, i),
    right: !axis.choices.length })),
];
const all = trials.number.map((_, i) => i);
let rows = all;
let first = 0;
let order = { column: 1, down: study.maximize };

function sorted() {
  const wanted = document.getElementById("find").value.trim().toLowerCase();
  rows = wanted ? all.filter((i) => columns.some((column) => column.text(i).toLowerCase().includes(wanted))) : [...all];
  const { sort } = columns[order.column];
  const sign = order.down ? -1 : 1;
  rows.sort((a, b) => {
    const [one, two] = [sort(a), sort(b)];
    if (one === null || two === null) return (one === null) - (two === null) || a - b; // what has no number comes last
    return sign * (one - two) || a - b;
  });
  if (order.column === 1) rows.sort((a, b) => "dsf".indexOf(trials.state[a]) - "dsf".indexOf(trials.state[b]));
  first = 0;
  show();
}

function show() {
  const body = document.querySelector("#trials tbody");
  const lines = rows.slice(first, first + PAGE).map((i) => {
    const line = document.createElement("tr");
    line.className = i === chosenTrial ? "chosen" : "";
    columns.forEach((column, k) => {
      const cell = made("td", k ? shorter(column.text(i), 60) : "", { className: column.right ? "right" : "" });
      if (!k) {
        const button = made("button", column.text(i));
        button.addEventListener("click", () => choose(i));
        cell.append(button);
      }
      line.append(cell);
    });
    return line;
  });
  body.replaceChildren(...lines);
  document.querySelectorAll("#trials th").forEach((head, k) => {
    if (k === order.column) head.setAttribute("aria-sort", order.down ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  });
  const told = [rows.length ? first + 1 : 0, Math.min(first + PAGE, rows.length), rows.length];
  document.getElementById("where").textContent = told.reduce(
    (text, value, i) => text.replace(`{${i}}`, value.toLocaleString("en")), words.rows);
  document.getElementById("back").disabled = first === 0;
  document.getElementById("on").disabled = first + PAGE >= rows.length;
}

const head = document.createElement("tr");
columns.forEach((column, k) => {
  const cell = made("th", "", { scope: "col", className: column.right ? "right" : "" });
  const button = made("button", shorter(column.name, 30));
  button.addEventListener("click", () => {
    order = { column: k, down: order.column === k ? !order.down : k === 1 && study.maximize };
    sorted();
  });
  cell.append(button);
  head.append(cell);
});
document.querySelector("#trials thead").append(head);
document.getElementById("find").addEventListener("input", sorted);
document.getElementById("back").addEventListener("click", () => { first = Math.max(0, first - PAGE); show(); });
document.getElementById("on").addEventListener("click", () => { first += PAGE; show(); });
sorted();
