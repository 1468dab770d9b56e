// One trace: its page, its pictures, the way to its neighbours and between its turns.

const missing = data('missing');
const sizes = data('sizes');
const trace = {row: null, filters: new URLSearchParams()};
const find = (id, sample) => rows.find((row) => row.id === id && String(row.sample) === sample);
const source = (key) => 'data:image/webp;base64,' + byId(`picture-${key}`).textContent;

function neighbours() {
  const among = list.found.includes(trace.row) ? list.found : rows;
  const place = among.indexOf(trace.row);
  return {previous: among[place - 1], next: among[place + 1], place, number: among.length, all: among.length === rows.length};
}

function showPictures(page) {
  for (const img of page.querySelectorAll('img[data-picture]')) {
    const key = img.dataset.picture;
    if (byId(`picture-${key}`)) {
      img.src = source(key);
    } else {
      img.closest('button').replaceWith(make('p', 'lost', `This picture is not in the report. ${missing[key] || ''}`));
    }
  }
}

function pointTo(id, row, filters) {
  const link = byId(id);
  if (row) link.href = routeOf(row, filters);
  else link.removeAttribute('href');
  link.setAttribute('aria-disabled', String(!row));
}

function showSteps() {
  const {previous, next, place, number, all} = neighbours();
  const query = trace.filters.toString();
  byId('back').href = '#/traces' + (query ? '?' + query : '');
  byId('place').textContent = `${place + 1} of ${number.toLocaleString('en')}${all ? '' : ' found'}`;
  pointTo('previous', previous, trace.filters);
  pointTo('next', next, trace.filters);
}

function routeOfTurn(number) {
  const filters = new URLSearchParams(trace.filters);
  filters.set('turn', number);
  return routeOf(trace.row, filters);
}

function linkTurns(page) {
  for (const link of page.querySelectorAll('a.to-turn')) link.href = routeOfTurn(link.dataset.turn);
}

/** The number of the turn that one is reading: the focused one while it is in sight, else the last one that has begun; 0 above all. */
function currentTurn() {
  const focused = document.activeElement?.closest?.('.turn');
  const box = focused?.getBoundingClientRect();
  if (box && box.bottom > 0 && box.top < innerHeight) return Number(focused.dataset.turn);
  return [...byId('page').querySelectorAll('.turn')].filter((turn) => turn.getBoundingClientRect().top < 130).length;
}

function goToTurn(number) {
  const turns = byId('page').querySelectorAll('.turn');
  const turn = turns[Math.max(1, Math.min(turns.length, number)) - 1];
  if (!turn) return;
  turn.scrollIntoView();
  turn.focus({preventScroll: true});
  history.replaceState(null, '', routeOfTurn(turn.dataset.turn));
}

/** Show the page of a row; `turn` is 0 for its beginning. */
async function showTrace(row, filters, turn) {
  const page = byId('page');
  const isNew = trace.row !== row;
  Object.assign(trace, {row, filters});
  if (isNew) {
    const html = await unpack(row.page);
    if (trace.row !== row) return;
    page.innerHTML = html;
    showPictures(page);
  }
  document.title = `${row.question.slice(0, 60)} · ${row.id}`;
  showSteps();
  linkTurns(page);
  if (turn) {
    goToTurn(turn);
  } else if (isNew) {
    scrollTo(0, 0);
    page.querySelector('h1').focus({preventScroll: true});
  }
}

function enlarge(button) {
  const img = button.querySelector('img');
  const size = sizes[img.dataset.picture] || [img.naturalWidth, img.naturalHeight];
  const dialog = byId('enlarged');
  const caption = button.closest('figure').querySelector('figcaption').textContent;
  const isSmaller = Number(img.getAttribute('width')) > size[0];
  const large = dialog.querySelector('img');
  large.src = img.src;
  large.alt = img.alt;
  [large.width, large.height] = size;
  dialog.querySelector('.stage').classList.remove('actual');
  dialog.querySelector('p').textContent = `${img.alt}: ${caption}${isSmaller ? `; in this file ${size[0]} x ${size[1]}` : ''}`;
  dialog.showModal();
}
