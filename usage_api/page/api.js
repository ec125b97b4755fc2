// Asks the look-up API. Addresses are relative to the page, whose path holds the API's stage on AWS.
//
// Answers are kept here by key and address, with their ETag, and never in the browser's own cache: there, what one
// customer saw could be shown to the next one who signs in.

const KEPT_ANSWERS = 60;
const PATIENCE_MS = 15_000;

/** Why there is no answer. `retryAfter` is in seconds, or null. */
export class NoAnswer extends Error {
  constructor(message, status = 0, retryAfter = null) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }

  /** The caller may not ask this: another attempt with the same credentials is refused again. */
  get isDenied() {
    return this.status === 401 || this.status === 403;
  }

  /** It may be answered a moment later: no connection, too many requests, a fault of the server. */
  get isTemporary() {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

const kept = new Map();

/**
 * The JSON at an address of the API, as an operator or, with `apiKey`, as a customer. At `link/...` it is the token
 * of a link.
 *
 * An answer that has not changed since (status 304) is returned as the same content, with `as_of` moved on.
 * Throws NoAnswer, also when there is none within `patienceMs`; and AbortError when `signal` says so.
 */
export async function ask(path, { apiKey = null, signal, patienceMs = PATIENCE_MS } = {}) {
  const name = `${apiKey ?? ""}\n${path}`;
  const before = kept.get(name);
  const enough = AbortSignal.timeout(patienceMs);
  const response = await send(path, headersOf(path, apiKey, before), signal ? AbortSignal.any([signal, enough]) : enough);
  if (response.status === 304 && before) {
    return movedOn(before);
  }
  if (!response.ok) {
    throw new NoAnswer(await reasonOf(response), response.status, secondsOf(response.headers.get("Retry-After")));
  }
  const content = await contentOf(response);
  keep(name, { content, etag: response.headers.get("ETag"), at: performance.now() });
  return content;
}

/** What the API has at a path in another form than JSON, as a Blob. Throws NoAnswer. */
export async function fetchFile(path, { apiKey = null, accept }) {
  const headers = { Accept: accept, ...credentialOf(path, apiKey) };
  const response = await send(path, headers, AbortSignal.timeout(PATIENCE_MS));
  if (!response.ok) {
    throw new NoAnswer(await reasonOf(response), response.status, secondsOf(response.headers.get("Retry-After")));
  }
  return response.blob();
}

/** Forget all answers: another customer signs in. */
export function forget() {
  kept.clear();
}

async function send(path, headers, signal) {
  try {
    return await fetch(path, { headers, signal, cache: "no-store", credentials: "omit", redirect: "error" });
  } catch (error) {
    if (error.name === "AbortError") {
      throw error;
    }
    const isLate = error.name === "TimeoutError";
    throw new NoAnswer(isLate ? "The look-up API does not respond in time." : "The look-up API cannot be reached.");
  }
}

const credentialOf = (path, apiKey) =>
  apiKey === null ? {} : { [path.startsWith("link/") ? "x-usage-link" : "x-api-key"]: apiKey };

function headersOf(path, apiKey, before) {
  return {
    Accept: "application/json",
    ...credentialOf(path, apiKey),
    ...(before?.etag ? { "If-None-Match": before.etag } : {}),
  };
}

async function contentOf(response) {
  try {
    return await response.json();
  } catch (error) {
    if (error.name === "AbortError") {
      throw error;
    }
    throw new NoAnswer("The response is not valid JSON.", 502);
  }
}

/** The detail of a problem document, or API Gateway's own message. */
async function reasonOf(response) {
  try {
    const problem = await response.json();
    return String(problem.detail ?? problem.message ?? problem.title);
  } catch {
    return `The look-up API answered with status ${response.status}.`;
  }
}

function keep(name, answer) {
  kept.delete(name);
  kept.set(name, answer);
  if (kept.size > KEPT_ANSWERS) {
    kept.delete(kept.keys().next().value);
  }
}

/** An answer that still holds. Its time, if it has one, is the server's time then and what has passed here since. */
function movedOn({ content, at }) {
  if (!content.as_of) {
    return content;
  }
  const now = Date.parse(content.as_of) + performance.now() - at;
  return { ...content, as_of: new Date(now).toISOString() };
}

function secondsOf(header) {
  const seconds = Number.parseInt(header ?? "", 10);
  return Number.isNaN(seconds) ? null : seconds;
}
