// The list of traces: what matches the filters, in some order, a few dozen rows at a time.

const byId = (id) => document.getElementById(id);
const data = (name) => JSON.parse(byId('data-' + name).textContent);
const rows = data('rows').map((row, page) => ({...row, page}));
const thumbnails = data('thumbnails');
const STEP = 60;
const VERDICTS = {yes: 'right', no: 'wrong'};
const FILTERS = ['stop', 'match', 'error', 'group', 'operation'];
const ORDERS = {
  '': ['as finished', null],
  seconds: ['longest first', (a, b) => b.seconds - a.seconds],
  turns: ['most turns', (a, b) => b.turns - a.turns],
  tokens: ['most tokens', (a, b) => b.tokens - a.tokens],
  failed: ['most failed cells', (a, b) => b.failed - a.failed],
  id: ['by name', (a, b) => a.id.localeCompare(b.id, undefined, {numeric: true}) || a.sample - b.sample],
};
const list = {filters: new URLSearchParams(), found: rows, shown: 0};
const texts = [];

function make(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children.filter((child) => child !== null));
  return made;
}

const words = (name) => String(name).replaceAll('_', ' ');
const plural = (number, noun) => `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`;
const minutes = (s) => `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, '0')} s`;
const seconds = (s) => (s <= 0 ? '0 s' : s < 0.0995 ? `${Math.ceil(s * 1000)} ms` : s < 0.995 ? `${s.toFixed(2)} s`
  : s < 9.95 ? `${s.toFixed(1)} s` : s < 59.5 ? `${Math.round(s)} s` : minutes(Math.round(s)));

/** The HTML of a page; pages are stored compressed. */
async function unpack(page) {
  if (!window.DecompressionStream) return '<h1 class="notice" tabindex="-1">This browser is too old to unpack the page.</h1>';
  const bytes = Uint8Array.from(atob(byId(`page-${page}`).textContent), (c) => c.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'))).text();
}

/** Everything that a page says, so that the search finds it; made once, when somebody searches. */
async function readTexts() {
  const signs = {'&lt;': '<', '&gt;': '>', '&amp;': '&', '&#34;': '"', '&#39;': "'"};
  const read = async (row) => {
    const html = await unpack(row.page);
    texts[row.page] = html.replace(/<[^>]*>/g, '').replace(/&(lt|gt|amp|#34|#39);/g, (sign) => signs[sign]).toLowerCase();
  };
  await Promise.all(rows.map(read));
}

function matches(row, filters) {
  const own = {stop: [row.stop], match: [row.match], group: [row.group], operation: row.operations,
    error: [...row.errors, row.failed ? 'any' : 'none']};
  for (const name of FILTERS) {
    const wanted = filters.get(name);
    if (wanted !== null && !own[name].includes(wanted)) return false;
  }
  const query = (filters.get('q') || '').toLowerCase().split(/\s+/).filter(Boolean);
  if (!query.length) return true;
  const short = [row.id, row.question, row.answer, row.gold, row.group, row.error, words(row.stop)].join('\n').toLowerCase();
  return query.every((word) => short.includes(word) || (texts[row.page] || '').includes(word));
}

function routeOf(row, filters) {
  const query = filters.toString();
  return `#/trace/${encodeURIComponent(row.id)}/${row.sample}${query ? '?' + query : ''}`;
}

function makeRow(row) {
  const picture = row.picture && thumbnails[row.picture];
  const image = make('span', 'thumbnail' + (picture ? '' : ' none'));
  if (picture) {
    const img = make('img');
    img.alt = '';
    img.decoding = 'async';
    img.src = 'data:image/webp;base64,' + picture;
    image.append(img);
  } else {
    image.textContent = row.picture ? 'no preview' : 'no picture';
  }
  if (row.pictures > 1) image.append(make('span', 'many', `${row.pictures}`));
  const name = row.sample ? `${row.id}, sample ${row.sample}` : row.id;
  const answer = make('span', 'answer-line', make('b', row.answer === null ? 'none' : '', row.answer === null ? 'no answer' : row.answer));
  if (row.gold !== null && row.match !== 'yes') answer.append(make('span', 'gold', `known: ${row.gold}`));
  const judged = {yes: ['good', VERDICTS.yes], no: ['bad', VERDICTS.no], unknown: null}[row.match];
  const ended = row.stop === 'answered' ? 'plain' : row.error ? 'bad' : 'warn';
  const link = make('a', 'row', image,
    make('span', 'what', make('span', 'question', row.question), make('span', 'name', row.group ? `${row.group} · ${name}` : name)),
    answer,
    make('span', 'pills', judged && make('span', 'pill ' + judged[0], judged[1]), make('span', 'pill ' + ended, words(row.stop))),
    make('span', 'numbers', make('span', '', plural(row.turns, 'turn')), make('span', '', seconds(row.seconds)),
      row.failed ? make('span', 'failed', plural(row.failed, 'failed cell')) : null));
  link.href = routeOf(row, list.filters);
  return make('li', '', link);
}

function showMore() {
  const next = list.found.slice(list.shown, list.shown + STEP);
  byId('rows').append(...next.map(makeRow));
  list.shown += next.length;
  const left = list.found.length - list.shown;
  byId('more').hidden = !left;
  byId('more').textContent = `Show ${Math.min(left, STEP)} more of ${left}`;
}

function fillSelect(name, options) {
  const select = byId('filters').elements[name];
  const wanted = list.filters.get(name) ?? '';
  if (wanted && !options.some(([value]) => value === wanted)) options.push([wanted, `${wanted} (0)`]);
  select.replaceChildren(...options.map(([value, label]) => new Option(label, value)));
  select.value = wanted;
  select.parentElement.classList.toggle('set', wanted !== '');
  select.parentElement.hidden = name !== 'sort' && options.length < 3 && !wanted;
}

/** What the filters offer, each value with the number of its traces, the most frequent first. */
function fillFilters() {
  const kinds = {stop: (row) => [row.stop], match: (row) => [row.match], group: (row) => (row.group ? [row.group] : []),
    operation: (row) => row.operations, error: (row) => [row.failed ? 'any' : 'none', ...row.errors]};
  const labels = {match: {...VERDICTS, unknown: 'not known'}, error: {any: 'any error', none: 'no error'}};
  for (const name of FILTERS) {
    const counts = new Map();
    for (const row of rows) for (const kind of kinds[name](row)) counts.set(kind, (counts.get(kind) || 0) + 1);
    const label = (kind) => labels[name]?.[kind] ?? (name === 'stop' || name === 'operation' ? words(kind) : kind);
    const options = [...counts].sort((a, b) => b[1] - a[1]).map(([kind, count]) => [kind, `${label(kind)} (${count})`]);
    fillSelect(name, [['', 'all'], ...options]);
  }
  fillSelect('sort', Object.entries(ORDERS).map(([value, [label]]) => [value, label]));
}

function findRows() {
  const order = ORDERS[list.filters.get('sort') || '']?.[1];
  list.found = rows.filter((row) => matches(row, list.filters));
  if (order) list.found = [...list.found].sort(order);
}

/** Show what `filters` ask for; nothing happens where that is shown already. */
async function showList(filters) {
  const same = list.shown && filters.toString() === list.filters.toString();
  list.filters = filters;
  if (same) return;
  const search = byId('search');
  if (document.activeElement !== search) search.value = filters.get('q') || '';
  fillFilters();
  if (filters.get('q') && !texts.length) await readTexts();
  if (list.filters !== filters) return;
  findRows();
  list.shown = 0;
  byId('rows').replaceChildren();
  showMore();
  byId('clear').hidden = !filters.toString();
  byId('found').textContent = list.found.length === rows.length ? plural(rows.length, 'trace')
    : `${list.found.length.toLocaleString('en')} of ${plural(rows.length, 'trace')}`;
  if (!list.found.length) byId('rows').append(make('li', 'remark', 'No trace is like that.'));
}
