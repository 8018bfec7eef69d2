// Curves of runs and bars of days, drawn by Chart.js. The tables beside them say the same without
// this file.
(() => {
  "use strict";
  const charts = new Map();
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const percent = (share) => `${Math.round(share * 100)} %`;

  // --- What is drawn -----------------------------------------------------------------------------
  const curve = (label, points, colourName, dash = []) => ({
    label,
    data: points.map(([x, y]) => ({ x, y })),
    borderColor: colour(colourName),
    backgroundColor: colour(colourName),
    borderDash: dash,
    borderWidth: 2,
    pointRadius: points.length > 30 ? 0 : 3,
    pointHitRadius: 12,
  });

  const bars = (label, data, colourName) => ({ label, data, backgroundColor: colour(colourName) });

  const KINDS = {
    loss: {
      curves: (series) => [curve("Loss", series.loss, "--accent")],
      scale: { beginAtZero: true },
      say: (value) => value.toFixed(3),
    },
    validation: {
      curves: (series) => [
        curve("Exact match", series.exact_match, "--accent"),
        curve("Hallucination", series.hallucination, "--bad", [5, 4]),
      ],
      scale: { min: 0, max: 1 },
      say: percent,
    },
    answers: {
      days: (series) => series.days,
      curves: (series) => [
        bars("Tuned model", series.tuned, "--accent"),
        bars("Current passages", series.rag, "--good"),
        bars("Refused", series.refused, "--line-strong"),
      ],
      scale: { beginAtZero: true, stacked: true },
      say: String,
    },
  };

  function scales(kind) {
    const ticks = { color: colour("--quiet"), maxTicksLimit: 6 };
    const grid = { color: colour("--line") };
    const say = kind === KINDS.validation ? { callback: percent } : {};
    const steps = { type: "linear", title: { display: true, text: "step", color: colour("--quiet") } };
    const days = { type: "category", stacked: true };
    return {
      x: { ...(kind.days ? days : steps), ticks: { ...ticks, precision: 0, maxRotation: 0 }, grid: { display: false } },
      y: { ...kind.scale, ticks: { ...ticks, ...(kind.days ? { precision: 0 } : {}), ...say }, grid },
    };
  }

  function options(kind, several) {
    return {
      animation: false,
      maintainAspectRatio: false,
      interaction: { mode: "index", intersect: false },
      scales: scales(kind),
      plugins: {
        legend: { display: several, labels: { color: colour("--text"), boxWidth: 24, boxHeight: 1 } },
        tooltip: { callbacks: {
          title: ([item]) => (item ? (kind.days ? item.label : `step ${item.parsed.x}`) : ""),
          label: (item) => `${item.dataset.label}: ${kind.say(item.parsed.y)}`,
        } },
      },
    };
  }

  // --- Drawing it --------------------------------------------------------------------------------
  function draw(canvas, series) {
    const kind = KINDS[canvas.dataset.plot];
    const datasets = kind.curves(series);
    const labels = kind.days?.(series);
    const shown = charts.get(canvas);
    if (!shown) {
      Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
      charts.set(canvas, new Chart(canvas, { type: kind.days ? "bar" : "line", data: { datasets, labels }, options: options(kind, datasets.length > 1) }));
      return;
    }
    shown.data = { datasets, labels };
    shown.options = options(kind, datasets.length > 1);
    shown.update();
  }

  function forgetGone() {
    for (const [canvas, chart] of charts) {
      if (canvas.isConnected) continue;
      chart.destroy();
      charts.delete(canvas);
    }
  }

  let drawing = false;
  let again = false;
  async function drawAll() {
    again = drawing;
    if (drawing) return;
    drawing = true;
    forgetGone();
    const series = new Map();
    try {
      for (const canvas of document.querySelectorAll("canvas[data-points]")) {
        const address = canvas.dataset.points;
        if (!series.has(address)) {
          const reply = await fetch(address);
          if (!reply.ok) continue;
          series.set(address, await reply.json());
        }
        draw(canvas, series.get(address));
      }
    } catch {
      // The portal is away for a moment; what is drawn stays, and the next figures draw it anew.
    } finally {
      drawing = false;
    }
    // The plots may be others since it began.
    if (again) drawAll();
  }

  document.addEventListener("htmx:sseMessage", drawAll);
  document.addEventListener("htmx:afterSettle", drawAll);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  drawAll();
})();
