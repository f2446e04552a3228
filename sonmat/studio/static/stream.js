// The server's events as this tab hears them: by the worker that all tabs share, or by a stream of its own where there is none.
const RETRY = 3000; // ms
const HIDDEN = 4000; // ms that a tab is hidden before it gives back a stream of its own

let place = { after: 0, boot: "" };
let ears = { heard: () => {}, link: () => {} };

/**
 * Listen from an event on.
 * @param {number} after the last event that is known @param {string} boot the server that counted it
 * @param {{heard: (event: any) => void, link: (open: boolean) => void}} to
 */
export function listen(after, boot, to) {
  // What came while the page was read again may not be in what was read: it is taken twice rather than never.
  place = { after, boot };
  ears = to;
  begin();
}

function take(text) {
  const event = JSON.parse(text);
  if (event.seq !== undefined && event.kind !== "reload") {
    if (event.seq <= place.after) return;
    place.after = event.seq;
  }
  ears.heard(event);
}

let worker = null;
let own = null;
let timer = 0;

function begin() {
  if (typeof SharedWorker === "undefined") {
    beginOwn();
    return;
  }
  if (!worker) {
    worker = new SharedWorker("/static/events.js", { name: "sonmat-events" });
    worker.port.onmessage = ({ data }) => {
      if (data.data !== undefined) take(data.data);
      else ears.link(data.open);
    };
    worker.onerror = () => {
      worker = null;
      beginOwn();
    };
    addEventListener("pagehide", () => worker?.port.postMessage({ end: true }));
    addEventListener("pageshow", (event) => event.persisted && worker?.port.postMessage(place)); // back from the browser's cache
  }
  worker.port.postMessage(place);
}

function beginOwn() {
  own?.close();
  clearTimeout(timer);
  own = new EventSource(`/api/events?after=${place.after}&boot=${encodeURIComponent(place.boot)}`);
  own.onopen = () => ears.link(true);
  own.onerror = () => {
    ears.link(false);
    if (own?.readyState === EventSource.CLOSED) timer = setTimeout(beginOwn, RETRY);
  };
  own.onmessage = ({ data }) => take(data);
}

document.addEventListener("visibilitychange", () => {
  if (!own) return;
  clearTimeout(timer);
  if (document.hidden) timer = setTimeout(() => own.close(), HIDDEN);
  else if (own.readyState === EventSource.CLOSED) beginOwn();
});
