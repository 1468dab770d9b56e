// Where one is, kept in the address behind the #, so that every place is a link; keys, and light or dark.

const ownQuery = (params) => {
  const filters = new URLSearchParams(params);
  filters.delete('turn');
  return filters;
};
let listScroll = null;

function readAddress() {
  const [path, query] = location.hash.slice(1).split(/\?(.*)/s);
  const [, kind = '', id = '', sample = ''] = path.split('/');
  const params = new URLSearchParams(query || '');
  let row = null;
  try {
    row = kind === 'trace' ? find(decodeURIComponent(id), sample) : null;
  } catch {
    // not an address of ours: the overview
  }
  return {kind, row, params};
}

async function follow() {
  const {kind, row, params} = readAddress();
  const wasTrace = !byId('trace').hidden;
  if (row && !wasTrace) listScroll = scrollY;
  byId('overview').hidden = Boolean(row);
  byId('trace').hidden = !row;
  for (const link of document.querySelectorAll('[data-nav]')) {
    const isHere = (link.dataset.nav === 'overview') === (!kind && !row);
    if (isHere) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  for (const dialog of document.querySelectorAll('dialog[open]')) dialog.close();
  await showList(ownQuery(params));
  if (row) return showTrace(row, ownQuery(params), Number(params.get('turn')) || 0);
  trace.row = null;
  document.title = byId('title').textContent + ': traces';
  if (wasTrace && listScroll !== null) scrollTo(0, listScroll);
  else if (kind === 'traces') byId('list').scrollIntoView();
  else scrollTo(0, 0);
}

function changeFilters() {
  if (trace.row) return; // typed, and gone on before it took effect
  const form = byId('filters');
  const filters = new URLSearchParams();
  for (const name of ['q', ...FILTERS, 'sort']) if (form.elements[name].value.trim()) filters.set(name, form.elements[name].value.trim());
  const query = filters.toString();
  history.replaceState(null, '', '#/traces' + (query ? '?' + query : ''));
  showList(filters);
}

function turnTheme() {
  const root = document.documentElement;
  const isDark = getComputedStyle(root).colorScheme === 'dark' || (!root.dataset.theme && matchMedia('(prefers-color-scheme: dark)').matches);
  root.dataset.theme = isDark ? 'light' : 'dark';
  try {
    sessionStorage.setItem('theme', root.dataset.theme);
  } catch {
    // storage may be forbidden; then it is for this page only
  }
}

function goBack() {
  if (byId('trace').hidden) return;
  location.hash = byId('back').getAttribute('href');
}

function step(id) {
  const target = byId(id).getAttribute('href');
  if (trace.row && target) location.hash = target;
}

/** In the list, j and k walk along the rows. */
function walk(by) {
  const links = [...byId('rows').querySelectorAll('a.row')];
  const target = links[Math.max(0, Math.min(links.length - 1, links.indexOf(document.activeElement) + by))];
  target?.focus();
}

const move = (by) => (trace.row ? step(by > 0 ? 'next' : 'previous') : walk(by));
const KEYS = {
  j: () => move(1),
  k: () => move(-1),
  ArrowRight: () => trace.row && move(1),
  ArrowLeft: () => trace.row && move(-1),
  n: () => trace.row && goToTurn(currentTurn() + 1),
  p: () => trace.row && goToTurn(currentTurn() - 1),
  d: turnTheme,
  '?': () => byId('help').showModal(),
  Escape: goBack,
  '/': () => {
    goBack();
    setTimeout(() => byId('search').focus());
  },
};

function press(event) {
  const target = event.target;
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
  if (target.closest('input, select')) {
    if (event.key === 'Escape') target.blur();
    return;
  }
  if (event.key.startsWith('Arrow') && target.closest('pre, .scroll')) return; // they scroll
  const act = KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

function start() {
  try {
    const theme = sessionStorage.getItem('theme');
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
  } catch {
    // storage may be forbidden
  }
  let typing = 0;
  byId('search').addEventListener('input', () => {
    clearTimeout(typing);
    typing = setTimeout(changeFilters, 150);
  });
  byId('filters').addEventListener('change', changeFilters);
  byId('filters').addEventListener('submit', (event) => event.preventDefault());
  byId('clear').addEventListener('click', () => {
    byId('filters').elements.q.value = '';
    history.replaceState(null, '', '#/traces');
    showList(new URLSearchParams());
  });
  byId('more').addEventListener('click', showMore);
  new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && showMore(), {rootMargin: '600px'}).observe(byId('more'));
  byId('theme').addEventListener('click', turnTheme);
  byId('keys').addEventListener('click', () => byId('help').showModal());
  byId('page').addEventListener('click', (event) => event.target.closest('.enlarge') && enlarge(event.target.closest('.enlarge')));
  byId('enlarged').addEventListener('click', (event) => {
    if (event.target.matches('img')) event.target.parentElement.classList.toggle('actual');
    else event.currentTarget.close();
  });
  document.querySelector('.skip').addEventListener('click', (event) => {
    event.preventDefault();
    byId('main').focus();
  });
  addEventListener('keydown', press);
  addEventListener('hashchange', follow);
  follow();
}

start();
