// A worker that all tabs share. A browser opens six connections to one server and a stream of events holds one for good, so the
// tabs have one stream between them: with one each, the seventh tab would wait for ever, and the six could ask nothing.
"use strict";
const KEPT = 4000; // events, for a tab that has read its page and begins to listen a moment later
const RETRY = 3000; // ms

const tabs = new Set();
let source = null;
let boot = "";
let newest = 0;
let kept = [];
let timer = 0;

const tell = (message) => tabs.forEach((tab) => tab.postMessage(message));
const isOpen = () => source !== null && source.readyState === EventSource.OPEN;

function connect(after) {
  source?.close();
  clearTimeout(timer);
  newest = after;
  source = new EventSource(`/api/events?after=${after}&boot=${encodeURIComponent(boot)}`);
  source.onopen = () => tell({ open: true });
  source.onerror = () => {
    tell({ open: false });
    if (source.readyState === EventSource.CLOSED) timer = setTimeout(() => connect(newest), RETRY); // refused: it does not try again itself
  };
  source.onmessage = ({ data }) => {
    newest = Number(/"seq":(\d+)/.exec(data)?.[1] ?? newest);
    kept.push([newest, data]);
    if (kept.length > 2 * KEPT) kept = kept.slice(-KEPT);
    tell({ data });
  };
}

function begin(tab, after, its) {
  tabs.add(tab);
  if (source === null || its !== boot) {
    boot = its;
    kept = [];
    connect(after);
    return;
  }
  const missing = after < newest && after + 1 < (kept[0]?.[0] ?? newest + 1);
  if (missing) tab.postMessage({ data: '{"kind":"reload"}' });
  else for (const [seq, data] of kept) if (seq > after) tab.postMessage({ data });
  tab.postMessage({ open: isOpen() });
}

self.onconnect = ({ ports: [tab] }) => {
  tab.onmessage = ({ data }) => {
    if (!data.end) {
      begin(tab, data.after, data.boot);
      return;
    }
    tabs.delete(tab);
    if (tabs.size) return;
    clearTimeout(timer);
    source?.close();
    source = null;
  };
};
