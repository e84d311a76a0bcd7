'use strict';
(() => {
  const specs = JSON.parse(document.getElementById('specs').textContent);
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const views = new Map(); // a chart's element -> its view
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // Charts: drawn when they come near the window, in the colours of the page.
  const theme = () => {
    const [ink, faint, line] = ['--ink', '--faint', '--line'].map(colour);
    const category = [1, 2, 3, 4, 5, 6, 7, 8].map((i) => colour(`--c${i}`));
    const font = 'system-ui, sans-serif';
    return {
      background: 'transparent',
      font,
      range: { category },
      view: { stroke: 'transparent' },
      axis: { labelColor: faint, titleColor: ink, gridColor: line, domainColor: faint, tickColor: faint },
      legend: { labelColor: ink, titleColor: ink },
      title: { color: ink },
      line: { color: category[0] },
      point: { color: category[0] },
      rule: { color: faint },
    };
  };
  const smooth = (element) => {
    const slider = element.closest('section').querySelector('.smoothing');
    const view = views.get(element);
    if (slider && view) view.signal('smoothing', Number(slider.value)).runAsync();
  };
  const draw = async (element) => {
    const options = {
      mode: 'vega-lite', renderer: 'svg', actions: false, ast: true, config: theme(),
      tooltip: { theme: dark.matches ? 'dark' : 'light' },
    };
    const { view } = await vegaEmbed(element, specs[element.dataset.chart], options);
    views.set(element, view);
    smooth(element);
    element.dataset.drawn = '';
  };
  const begun = new Set();
  const begin = (element) => {
    if (begun.has(element)) return;
    begun.add(element);
    draw(element);
  };
  const near = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) if (isIntersecting) begin(target);
  }, { rootMargin: '400px' });
  const charts = [...document.querySelectorAll('.chart')];
  charts.forEach((one) => near.observe(one));
  dark.addEventListener('change', () => [...views.keys()].forEach(draw));
  addEventListener('beforeprint', () => charts.forEach(begin));

  for (const slider of document.querySelectorAll('.smoothing')) {
    const weights = slider.dataset.weights.split(',');
    slider.addEventListener('input', () => {
      const weight = weights[slider.value];
      slider.parentElement.querySelector('output').textContent = weight;
      slider.setAttribute('aria-valuetext', weight);
      slider.closest('section').querySelectorAll('.chart').forEach(smooth);
    });
  }

  // Pictures over time.
  for (const figure of document.querySelectorAll('.frames')) {
    const [slider, button, images] = [
      figure.querySelector('input'), figure.querySelector('button'), figure.querySelectorAll('img'),
    ];
    const steps = figure.dataset.steps.split(',');
    const show = () => {
      images.forEach((image, i) => { image.hidden = i !== Number(slider.value); });
      figure.querySelector('output').textContent = steps[slider.value];
      slider.setAttribute('aria-valuetext', `step ${steps[slider.value]}`);
    };
    let timer = 0;
    const stop = () => {
      clearInterval(timer);
      timer = 0;
      button.textContent = 'Play';
    };
    slider.addEventListener('input', () => { stop(); show(); });
    button.addEventListener('click', () => {
      if (timer) return stop();
      if (slider.value === slider.max) slider.value = 0;
      show();
      button.textContent = 'Stop';
      timer = setInterval(() => {
        slider.value = Number(slider.value) + 1;
        show();
        if (slider.value === slider.max) stop();
      }, 400);
    });
  }

  // Tables: numbers by size, rows without one last.
  const compare = (a, b, sign) => {
    const [x, y] = [a, b].map((cell) => cell.dataset.number);
    if (x !== undefined && y !== undefined) return sign * (x - y);
    if (x !== undefined || y !== undefined) return x === undefined ? 1 : -1;
    return sign * a.textContent.localeCompare(b.textContent, undefined, { numeric: true });
  };
  for (const table of document.querySelectorAll('.sortable')) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => head.querySelector('button').addEventListener('click', () => {
      const falling = head.getAttribute('aria-sort') === 'ascending';
      heads.forEach((one) => one.removeAttribute('aria-sort'));
      head.setAttribute('aria-sort', falling ? 'descending' : 'ascending');
      const rows = [...table.tBodies[0].rows];
      rows.sort((a, b) => compare(a.cells[column], b.cells[column], falling ? -1 : 1));
      table.tBodies[0].append(...rows);
    }));
  }

  // A live page is loaded again when its server has a newer one.
  if ('live' in document.documentElement.dataset) {
    const version = `"${document.documentElement.dataset.live}"`;
    const ask = async () => {
      const answer = await fetch(location.pathname, { method: 'HEAD', cache: 'no-store' }).catch(() => null);
      const tag = answer && answer.headers.get('ETag');
      if (tag && tag !== version) return location.reload();
      setTimeout(ask, 2000);
    };
    ask();
  }
})();
