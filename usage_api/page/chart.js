// A bar chart of counts, drawn by uPlot. What it shows is also on the page as text and as a table.

import { count, shortCount } from "./format.js";

const { uPlot } = globalThis;
const HEIGHT = 190;
const LEAST_WIDTH = 120;
/** Distances of the lines of counts: 1, 2, 5, 10, … so that no line lies between two counts. */
const STEPS_OF_COUNTS = [...Array(16).keys()].flatMap((power) => [1, 2, 5].map((step) => step * 10 ** power));

/** The names of the series, each with the colour of its bars in style.css. */
const SERIES = [
  ["plain", "--bar"],
  ["chosen", "--bar-chosen"],
  ["unfinished", "--bar-unfinished"],
];
/** In front of the bars: the part of each that is special, such as errors. */
const PART = ["part", "--bar-part"];

/**
 * Shows `bars`: `{values, chosen, unfinished, part}`, counts in order and the places of special ones (or null); `part`,
 * which may be left out, has of each count what is drawn in front of it.
 *
 * `settings`: `first` is the number of the first bar, `steps` are the distances of labels, `label(number)` writes one,
 * `onHover(place or null)` and `onPick(place)` tell what the pointer does; everything that they do can be done without
 * a pointer by other means.
 */
export class BarChart {
  #container;
  #settings;
  #plot = null;
  #shown = "";
  #resizes;

  constructor(container, settings) {
    this.#container = container;
    this.#settings = settings;
    this.#resizes = new ResizeObserver(() => this.#resize());
    this.#resizes.observe(container);
  }

  show(bars) {
    const key = JSON.stringify(bars);
    if (key === this.#shown) {
      return;
    }
    this.#shown = key;
    if (this.#plot) {
      this.#plot.setData(dataOf(bars, this.#settings.first));
    } else {
      this.#plot = new uPlot(this.#options(), dataOf(bars, this.#settings.first), this.#container);
      this.#plot.over.addEventListener("click", () => this.#tell(this.#settings.onPick));
    }
  }

  /** Draw again: the theme has changed its colours, or the zone its labels. */
  redraw() {
    this.#plot?.redraw(true, true);
  }

  destroy() {
    this.#resizes.disconnect();
    this.#plot?.destroy();
  }

  get #width() {
    return Math.max(LEAST_WIDTH, this.#container.clientWidth);
  }

  #resize() {
    if (this.#plot && this.#plot.width !== this.#width) {
      this.#plot.setSize({ width: this.#width, height: HEIGHT });
    }
  }

  #tell(listener) {
    listener?.(this.#plot.cursor.idx ?? null);
  }

  #options() {
    const { first, steps, label, onHover } = this.#settings;
    const style = getComputedStyle(document.documentElement);
    const font = `12px ${style.fontFamily}`;
    const colour = (name) => () => style.getPropertyValue(name);
    const axis = { stroke: colour("--muted"), font, ticks: { show: false } };
    return {
      width: this.#width,
      height: HEIGHT,
      padding: [10, 6, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: {
        x: { time: false, range: (plot) => [first - 0.6, first + plot.data[0].length - 0.4] },
        y: { range: (_plot, _least, most) => [0, most > 0 ? most * 1.08 : 1] },
      },
      axes: [
        { ...axis, size: 26, space: 30, incrs: steps, grid: { show: false }, values: (_plot, at) => at.map(label) },
        {
          ...axis,
          size: 52,
          space: 24,
          incrs: STEPS_OF_COUNTS,
          grid: { stroke: colour("--line"), width: 1 },
          values: (_plot, at) => at.map(shortCount),
        },
      ],
      series: [{}, ...[...SERIES, PART].map(([name, property]) => ({ label: name, ...barsIn(colour(property)) }))],
      hooks: { setCursor: [(plot) => onHover(plot.cursor.idx ?? null)] },
    };
  }
}

const barsIn = (fill) => ({
  fill,
  width: 0,
  points: { show: false },
  paths: uPlot.paths.bars({ size: [0.72, 44], radius: 0.12 }),
});

/** Each bar belongs to one series, by its look. */
function dataOf({ values, chosen, unfinished, part = [] }, first) {
  const lookOf = (place) => (place === chosen ? "chosen" : place === unfinished ? "unfinished" : "plain");
  return [
    values.map((_, place) => first + place),
    ...SERIES.map(([name]) => values.map((value, place) => (lookOf(place) === name ? value : null))),
    values.map((_, place) => part[place] || null),
  ];
}

/** What a chart shows, in a sentence: for those who do not see it, and below it for all. */
export function summary(values, nameOf, part) {
  const most = Math.max(...values, 0);
  if (most === 0) {
    return "No calls.";
  }
  const withCalls = values.filter((value) => value > 0).length;
  const busiest = nameOf(values.indexOf(most));
  return `Calls in ${withCalls} ${part}${withCalls === 1 ? "" : "s"}, most of them ${busiest}: ${count(most)}.`;
}
