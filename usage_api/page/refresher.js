// Repeats a look-up while the page is seen, and more and more rarely while it fails.

const EVERY_MS = 5_000;
const LONGEST_MS = 60_000;

/** How long to wait after so many failures in a row (0: after a success), in milliseconds. */
export function pause(failures, retryAfterSeconds = null) {
  const wait = Math.min(EVERY_MS * 2 ** Math.max(0, failures - 1), LONGEST_MS);
  return Math.max(wait, (retryAfterSeconds ?? 0) * 1000);
}

/**
 * Calls `load(signal)` at once, and again every 5 s, one at a time. It stops while the page is hidden and goes on when
 * it is shown. `onSuccess()` and `onFailure(error, waitMs)` tell how it went; a failure that is not temporary ends it.
 */
export class Refresher {
  #load;
  #onSuccess;
  #onFailure;
  #failures = 0;
  #timer = null;
  #running = null;
  #isStopped = false;
  #isPaused = false;

  constructor(load, { onSuccess, onFailure }) {
    this.#load = load;
    this.#onSuccess = onSuccess;
    this.#onFailure = onFailure;
    document.addEventListener("visibilitychange", this.#onVisibility);
  }

  /** Look again now, also while paused; what is under way is dropped. */
  async now() {
    this.#halt();
    if (this.#isStopped) {
      return;
    }
    const running = new AbortController();
    this.#running = running;
    try {
      await this.#load(running.signal);
      if (this.#running === running) {
        this.#succeed();
      }
    } catch (error) {
      if (this.#running === running && error.name !== "AbortError") {
        this.#fail(error);
      }
    }
  }

  setPaused(isPaused) {
    this.#isPaused = isPaused;
    this.#halt();
    if (!isPaused) {
      this.now();
    }
  }

  stop() {
    this.#isStopped = true;
    this.#halt();
    document.removeEventListener("visibilitychange", this.#onVisibility);
  }

  #succeed() {
    this.#failures = 0;
    this.#running = null;
    this.#onSuccess();
    this.#after(pause(0));
  }

  #fail(error) {
    this.#failures += 1;
    this.#running = null;
    const wait = pause(this.#failures, error.retryAfter);
    const goesOn = this.#onFailure(error, wait);
    if (goesOn) {
      this.#after(wait);
    }
  }

  #after(wait) {
    if (!this.#isStopped && !this.#isPaused && !document.hidden) {
      this.#timer = setTimeout(() => this.now(), wait);
    }
  }

  #halt() {
    clearTimeout(this.#timer);
    this.#running?.abort();
    this.#running = null;
  }

  #onVisibility = () => {
    if (document.hidden) {
      this.#halt();
    } else if (!this.#isPaused) {
      this.now();
    }
  };
}
