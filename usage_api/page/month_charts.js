// The two charts of a month: its days, and the hours of one of them.

import { BarChart } from "./chart.js";

/**
 * `hourLabel(hour)` writes an hour below its bar, `onDay(place)` is called when the bar of a day is picked,
 * `onHover(place or null)` as the pointer moves over days.
 */
export class MonthCharts {
  #days;
  #hours;

  constructor({ dayChart, hourChart }, { hourLabel, onDay, onHover = () => {} }) {
    const onPick = (place) => place !== null && onDay(place);
    this.#days = new BarChart(dayChart, { first: 1, steps: [1, 2, 5, 10], label: String, onHover, onPick });
    const byHour = { first: 0, steps: [1, 2, 3, 6, 12], label: hourLabel, onHover: () => {} };
    this.#hours = new BarChart(hourChart, byHour);
  }

  showDays(bars) {
    this.#days.show(bars);
  }

  showHours(bars) {
    this.#hours.show(bars);
  }

  redraw() {
    this.#days.redraw();
    this.#hours.redraw();
  }

  destroy() {
    this.#days.destroy();
    this.#hours.destroy();
  }
}
