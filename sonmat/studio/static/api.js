// Calls of the server. What it refuses is an `Refusal` with its words and its advice, in the page's language.
import { notice } from "./dom.js";
import { t } from "./texts.js";

export class Refusal extends Error {
  /** @param {string} problem @param {string} fix @param {number} status */
  constructor(problem, fix, status) {
    super(problem);
    this.fix = fix;
    this.status = status;
  }
}

const address = (path, query) => {
  const all = new URLSearchParams(query ?? {});
  all.set("lang", document.documentElement.lang);
  return `${path}?${all}`;
};

async function call(method, path, { query, body, signal } = {}) {
  const headers = method === "GET" ? {} : { "X-Sonmat": "studio" };
  const raw = body instanceof Blob || body instanceof ArrayBuffer;
  if (method !== "GET") headers["Content-Type"] = raw ? "application/octet-stream" : "application/json";
  let answer;
  try {
    answer = await fetch(address(path, query), {
      method,
      headers,
      signal,
      body: method === "GET" ? undefined : raw ? body : JSON.stringify(body ?? {}),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal("", "", 0); // the server does not answer: the header says so
  }
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refusal(told.error ?? `${answer.status}`, told.fix ?? "", answer.status);
  return told;
}

export const get = (path, query, signal) => call("GET", path, { query, signal });
export const post = (path, body, query, signal) => call("POST", path, { body, query, signal });
export const patch = (path, body) => call("PATCH", path, { body });
export const remove = (path, body) => call("DELETE", path, { body });
/** The address of a run, a study …: its name is one part of the path. */
export const at = (kind, name, ...rest) => `/api/${[kind, encodeURIComponent(name), ...rest].join("/")}`;

/** Tell of an error that a person can do something about; pass over what was only cut off, or that the header tells already. */
export function told(error) {
  if (error.name === "AbortError") return;
  if (!(error instanceof Refusal)) {
    notice(t("wrong"), error.message);
    console.error(error);
  } else if (error.status) notice(error.message, error.fix);
}
