// Answers that change seldom: they are asked for again after some minutes only, while the page refreshes every few seconds.

import { NoAnswer } from "./api.js";

const KEPT_MS = 300_000;

export class SlowAnswers {
  #look;
  #kept = new Map();

  /** `look(path)` asks the API. */
  constructor(look) {
    this.#look = look;
  }

  /**
   * The answer at a path, at most 5 minutes old. Null while there is none: a view is shown without it, and the next
   * refresh asks again.
   */
  async ask(path, signal) {
    const kept = this.#kept.get(path);
    if (kept && performance.now() - kept.at < KEPT_MS) {
      return kept.answer;
    }
    try {
      const answer = await this.#look(path, signal);
      this.#kept.set(path, { answer, at: performance.now() });
      return answer;
    } catch (error) {
      if (error instanceof NoAnswer) {
        return kept?.answer ?? null;
      }
      throw error;
    }
  }
}
