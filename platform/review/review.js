// Draws each chart of the page from the table that the server wrote. Without this script the tables are what is seen.
"use strict";

(() => {
  const HEIGHT = 220;
  const drawn = [];

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();

  const read = (table) => {
    const series = [...table.tHead.rows[0].cells].slice(1).map((cell) => ({
      id: cell.dataset.series,
      name: cell.textContent,
    }));
    const rows = [...table.tBodies[0].rows].map((row) => [...row.cells].map((cell) => cell.textContent));
    return {
      series,
      labels: rows.map((row) => row[0]),
      columns: series.map((_, i) => rows.map((row) => Number(row[i + 1].replaceAll(",", "")))),
    };
  };

  // Each column on top of those before it; the highest is painted first, so that all are seen.
  const stacked = (columns) => {
    const sums = columns[0].map(() => 0);
    return columns.map((column) => column.map((value, i) => (sums[i] += value))).reverse();
  };

  // "2026-11-21" is the day 21 of a month that the caption names.
  const short = (label) => (label.length === 10 ? label.slice(8) : label);

  const options = (data, width) => {
    const last = data.labels.length - 1;
    const axis = { stroke: colour("soft"), grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line") } };
    return {
      width,
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false, range: () => [-0.6, last + 0.6] },
        y: { range: (_, low, high) => [0, Math.max(4, high * 1.05)] },
      },
      axes: [
        {
          ...axis,
          grid: { show: false },
          incrs: [1, 2, 3, 5, 10],
          space: 44,
          values: (_, at) => at.map((i) => (data.labels[i] === undefined ? "" : short(data.labels[i]))),
        },
        { ...axis, size: 64, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 1e4, 2e4, 5e4, 1e5, 1e6, 1e7] },
      ],
      series: [
        {},
        ...[...data.series].reverse().map((one) => ({
          label: one.name,
          fill: colour(one.id),
          stroke: colour(one.id),
          width: 0,
          paths: uPlot.paths.bars({ size: [0.75, 48] }),
          points: { show: false },
        })),
      ],
    };
  };

  const draw = (chart) => {
    const width = Math.max(240, Math.floor(chart.place.clientWidth));
    if (chart.plot) chart.plot.destroy();
    chart.place.replaceChildren();
    const columns = [chart.data.labels.map((_, i) => i), ...stacked(chart.data.columns)];
    chart.plot = new uPlot(options(chart.data, width), columns, chart.place);
  };

  for (const figure of document.querySelectorAll("figure.chart")) {
    const details = figure.querySelector("details");
    const place = document.createElement("div");
    place.className = "drawing";
    place.setAttribute("role", "img");
    place.setAttribute("aria-label", figure.querySelector("figcaption").textContent + ": the table below has the figures");
    figure.insertBefore(place, details);
    const chart = { place, data: read(figure.querySelector("table")) };
    draw(chart);
    details.open = false;
    drawn.push(chart);
  }

  const again = () => drawn.forEach(draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  let wait = 0;
  addEventListener("resize", () => {
    clearTimeout(wait);
    wait = setTimeout(again, 150);
  });
})();
