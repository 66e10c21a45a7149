'use strict';

// --- The ground ----------------------------------------------------------------------------------------------
const $ = (id) => document.getElementById(id);
const publicPort = document.documentElement.dataset.publicPort;
/** The admin side shows the lane, but takes no requests. */
const watching = publicPort !== '';
const origin = watching ? `http://${location.hostname}:${publicPort}` : location.origin;

/** Requests that a browser has under way to one host: six connections, unless HTTP/2 shares one. */
const protocol = performance.getEntriesByType('navigation')[0]?.nextHopProtocol;
const AT_ONCE = /^h[23]/.test(protocol) ? 100 : 6;

const make = (tag, className = '', ...children) => {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
};

/** A duration for people. */
const time = (ms) =>
  ms >= 9950 ? `${(ms / 1000).toFixed(0)} s` : ms >= 995 ? `${(ms / 1000).toFixed(1)} s`
  : ms >= 9.95 ? `${ms.toFixed(0)} ms` : ms >= 0.995 ? `${ms.toFixed(1)} ms` : `${Math.round(ms * 1000)} µs`;

// --- The clock: stands still while nothing happens, so that the picture stays --------------------------------
/** A longer pause is drawn as one of this length. */
const GAP = 700;
let skipped = 0, idleSince = 0, pauses = [];
const clock = () => (idleSince ?? performance.now()) - skipped;

function wake() {
  if (idleSince === null) return;
  const cut = performance.now() - idleSince - GAP;
  if (cut > 0) {
    if (bars.size) pauses.push(clock() + GAP / 2);
    skipped += cut;
  }
  idleSince = null;
  nextFrame();
}

// --- Rows and bars -------------------------------------------------------------------------------------------
/** The time that is shown, in milliseconds; pixels from line to line. */
const SHORTEST = 6000, LONGEST = 24000, LINE = 26;
/** Pixels left of it for the first label; fewer on a phone, where labels may cover their bars. */
const labelRoom = () => Math.min(140, $('scale').clientWidth / 3);
const rows = new Map(), bars = new Set();
/** When the time that is shown began. */
let first = 0;

function row(key, title, detail = '') {
  if (!rows.has(key)) {
    const track = make('div', 'track');
    const element = make('div', 'row', make('div', 'name', `${title} `, make('small', '', detail)), track);
    element.dataset.row = key;
    // Those that were not served come last.
    $('rows').insertBefore(element, key === 'unserved' ? null : rows.get('unserved')?.element ?? null);
    rows.set(key, { element, track });
  }
  return rows.get(key);
}

/** Lanes by the names they gave themselves, numbered as they turn up. */
const lanes = [];
const laneName = (key) => `lane ${lanes.indexOf(key) + 1}`;

function laneRow(key) {
  if (!lanes.includes(key)) lanes.push(key);
  return row(`lane ${key}`, laneName(key), key);
}

/** Puts a bar onto the first line of a row where there is room for it and the label left of it. */
function place(bar, home) {
  home.track.append(bar.element);
  bar.row = home;
  bar.size = bar.label.offsetWidth;
  const begin = ({ from, size }) => from - size * LONGEST / ($('scale').clientWidth - labelRoom());
  const end = ({ to }) => to ?? Infinity;
  const others = [...bars].filter((other) => other !== bar && other.row === home);
  const clash = (line) => others.some((other) => other.line === line && begin(other) <= end(bar) && begin(bar) <= end(other));
  for (bar.line = 0; clash(bar.line); bar.line += 1);
  bar.element.style.top = `${bar.line * LINE}px`;
  if (bar.button) {
    home.track.append(bar.button);
    bar.button.style.top = bar.element.style.top;
  }
  bars.add(bar);
  stretch();
}

/** Makes each row as high as its lines. */
function stretch() {
  for (const home of rows.values()) {
    const lines = [...bars].filter((bar) => bar.row === home).map((bar) => bar.line + 1);
    home.track.style.height = `${Math.max(1, ...lines) * LINE}px`;
  }
}

function newBar(text, from) {
  const label = make('span', 'label', text);
  return { from, to: null, label, element: make('div', 'bar', label), parts: [] };
}

/** What the bar consists of: [class, milliseconds], or null for what still grows. */
function paint(bar, parts) {
  bar.element.replaceChildren(...parts.map(([name]) => make('i', name)), bar.label);
  bar.parts = parts;
}

function draw() {
  const now = clock(), width = $('scale').clientWidth, room = labelRoom();
  const start = Math.max(first, now - LONGEST), span = Math.max(now - start, SHORTEST);
  const x = (t) => room + (t - start) / span * (width - room);
  for (const bar of bars) {
    const to = bar.to ?? now, left = x(bar.from), wide = Math.max(x(to) - left, 3);
    if (x(to) < 0) { forget(bar); continue; }
    bar.element.style.left = `${left}px`;
    bar.element.style.width = `${wide}px`;
    const known = bar.parts.reduce((sum, [, ms]) => sum + (ms ?? 0), 0);
    bar.parts.forEach(([, ms], at) => {
      // Times 1000, because a sum of less than 1 would not fill the bar.
      bar.element.children[at].style.flexGrow = 1000 * (ms ?? Math.max(to - bar.from - known, 0));
    });
    // Left of the bar, right of it, or on it: where there is room.
    const fits = left >= bar.size ? -bar.size : left + wide + bar.size < width ? wide : Math.min(Math.max(-left, 0) + 4, width - left - bar.size);
    bar.label.style.left = `${Math.max(fits, -left)}px`;
  }
  drawScale(x, start, span, width);
}

const ticks = Array.from({ length: 16 }, () => $('scale').appendChild(make('i', '', make('span'))));

function drawScale(x, start, span, width) {
  const step = [1000, 2000, 5000].find((step) => span / step <= (width < 500 ? 5 : 12)) ?? 10000;
  const from = Math.ceil((start - first) / step);
  const marks = [];
  for (let n = from; first + n * step <= start + span; n += 1) marks.push([first + n * step, `${n * step / 1000} s`]);
  pauses = pauses.filter((at) => at > start);
  marks.push(...pauses.slice(-3).map((at) => [at, '']));
  ticks.forEach((tick, at) => {
    const mark = bars.size ? marks[at] : undefined;
    tick.hidden = !mark;
    if (!mark) return;
    tick.className = mark[1] ? '' : 'pause';
    const left = x(mark[0]), text = left < width - 30 ? mark[1] : '';
    tick.style.left = `${left}px`;
    if (tick.firstChild.textContent !== text) tick.firstChild.textContent = text;
  });
}

function forget(bar) {
  bars.delete(bar);
  bar.element.remove();
  stretch();
}

/** Steps instead of a flow for those who do not want motion. */
const still = matchMedia('(prefers-reduced-motion: reduce)');
const nextFrame = () => (still.matches ? setTimeout(frame, 500) : requestAnimationFrame(frame));

function frame() {
  draw();
  if ([...bars].some((bar) => bar.to === null)) nextFrame();
  else idleSince = performance.now();
}
new ResizeObserver(draw).observe($('scale'));

// --- Requests: held → sent → served | refused | cancelled ----------------------------------------------------
let requests = [];
const among = (state) => requests.filter((request) => request.state === state);
const open = () => requests.filter((request) => request.state === 'held' || request.state === 'sent');

/** The beginning of a text that is too long for where it stands. */
const cut = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

function ask(wanted) {
  wake();
  if (!bars.size) first = clock();
  const { label } = wanted, mark = cut(wanted.mark, 32);
  const request = { ...wanted, mark, state: 'held', number: requests.length + 1, stop: new AbortController(), bar: newBar(mark, clock()) };
  request.bar.button = make('button', 'cancel', '✕');
  request.bar.button.setAttribute('aria-label', `Cancel request ${request.number}: ${label}`);
  request.bar.button.addEventListener('click', () => cancel(request));
  requests.push(request);
  paint(request.bar, [['held', null]]);
  place(request.bar, row('open', 'under way', 'no lane known yet'));
}

/** Sends what is held as far as there are connections. The browser would hold them, too, but not tell. */
function pump() {
  for (const request of among('held').slice(0, AT_ONCE - among('sent').length)) exchange(request);
  count();
}

async function exchange(request) {
  request.state = 'sent';
  request.sent = clock();
  paint(request.bar, [['held', request.sent - request.bar.from], ['pending', null]]);
  try {
    // no-store: a cache would let equal requests wait for each other.
    const { path, method, file, type, stop } = request, headers = file && { 'Content-Type': type };
    const response = await fetch(path, { method, headers, body: file, cache: 'no-store', signal: stop.signal });
    const bytes = await response.arrayBuffer();
    settle(request, response.ok ? 'served' : 'refused', outcome(response, bytes));
    show(request, bytes);
  } catch (err) {
    if (request.state === 'sent') settle(request, 'refused', { said: `no answer: ${err.message}`, short: 'no answer' });
  }
}

const JSON_TYPE = 'application/json';

/** What an answer tells of itself. */
function outcome(response, bytes) {
  const part = (name) => Number(response.headers.get('server-timing')?.match(`${name};dur=([0-9.]+)`)?.[1] ?? 0);
  const type = response.headers.get('content-type')?.split(';')[0] ?? '';
  let body = {};
  try { if (/json$/.test(type)) body = JSON.parse(textOf(bytes)); } catch { /* it says what it is, no more */ }
  const facts = { type, lane: response.headers.get('x-served-by') ?? '', queue: part('queue'), compute: part('compute') };
  if (response.ok) return { ...facts, said: type === JSON_TYPE ? cut(JSON.stringify(body), 300) : bytesOf(type, bytes) };
  const later = response.headers.get('retry-after');
  const short = `${response.status} ${body.reason ?? ''}${later ? `, retry in ${later} s` : ''}`;
  return { ...facts, short, said: `${short}${body.detail ? ` (${body.detail})` : ''}` };
}

function cancel(request) {
  const was = request.state;
  settle(request, 'cancelled', { said: was === 'held' ? 'cancelled before it was sent' : 'cancelled', short: 'cancelled' });
  request.stop.abort();
}

function settle(request, state, facts) {
  const { bar } = request;
  bar.to = clock();
  Object.assign(request, facts, { state, file: null, total: bar.to - bar.from });
  const held = (request.sent ?? bar.to) - bar.from;
  if (state === 'served') {
    request.way = Math.max(request.total - held - request.queue - request.compute, 0);
    paint(bar, [['held', held], ['way', request.way], ['queue', request.queue], ['compute', request.compute]]);
  } else {
    bar.label.textContent = `${request.mark} · ${request.short}`;
    bar.label.classList.toggle('refusal', state === 'refused');
    paint(bar, [['held', held], [state, request.total - held]]);
  }
  dropButton(bar);
  place(bar, state === 'served' ? laneRow(request.lane) : row('unserved', 'not served', 'refused or cancelled'));
  bar.element.dataset.state = state;
  bar.element.title = sentence(request);
  report(request);
  pump();
}

/** Keyboard focus goes on to another cancel button or, without one, back to the button that sent last. */
function dropButton(bar) {
  const focused = document.activeElement === bar.button;
  bar.button.remove();
  if (focused) (document.querySelector('.cancel') ?? lastSender ?? document.querySelector('.send')).focus();
  bar.button = null;
}

// --- Answers that say more than a line: the last of them, below what asked for them ---------------------------
const textOf = (bytes) => new TextDecoder().decode(bytes);
const bytesOf = (type, { byteLength }) => `${byteLength.toLocaleString('en')} bytes${type && ` of ${type}`}`;

async function show({ form, state, mark, type, said }, bytes) {
  const { sent } = form.dataset;
  if (state !== 'served') return sent && keep(form, `${mark}: ${said}`);
  if (!sent && type === JSON_TYPE) return;
  const kind = /^image\/(png|jpeg|gif|webp|avif)$/.test(type) ? 'picture' : type === 'application/pdf' ? 'paper' : 'other';
  // What is to be saved is of no type: were it opened, it would be a page of this origin.
  const url = URL.createObjectURL(new Blob([bytes], { type: kind === 'other' ? 'application/octet-stream' : type }));
  const link = Object.assign(make('a'), kind === 'paper' ? { textContent: 'Open', target: '_blank', rel: 'noopener' }
    : { textContent: 'Save', download: `answer.${type.split(/[/+]/)[1] ?? 'bin'}` }, { href: url });
  let size = '', shown = '';
  if (kind === 'picture') {
    shown = Object.assign(make('img'), { src: url, alt: `The answer to ${mark}` });
    await shown.decode().catch(() => { /* it is shown as broken */ });
    size = `${shown.naturalWidth} × ${shown.naturalHeight} pixels, `;
  } else if (/^text|json$|xml$/.test(type)) shown = make('pre', '', cut(textOf(bytes.slice(0, 9999)), 9998));
  keep(form, `${mark}: ${size}${bytesOf(type, bytes)} `, link, shown);
}

function keep(form, said, link = '', shown = '') {
  const answers = form.querySelector('.answers') ?? form.appendChild(make('div', 'answers'));
  answers.prepend(make('figure', '', make('figcaption', link ? 'small' : 'small refusal', said, link), shown));
  [...answers.children].slice(6).forEach(dismiss);
}

function dismiss(answer) {
  URL.revokeObjectURL(answer.querySelector('a')?.href);
  answer.remove();
}

// --- Words and numbers ---------------------------------------------------------------------------------------
function sentence({ label, state, said, lane, way, queue, compute, total, sent, bar }) {
  const asked = /[.?!]$/.test(label) ? label : `${label}:`;
  if (state !== 'served') return `${asked} ${said}, after ${time(total)}${lane ? ` (${lane})` : ''}.`;
  const held = sent - bar.from;
  const waits = [[held, 'held in the browser for'], [way, 'on its way for'], [queue, 'queued for']].filter(([ms]) => ms >= 0.02 * total && ms >= 1);
  return `${asked} ${said} from ${laneName(lane)} after ${time(total)}: ${waits.map(([ms, what]) => `${what} ${time(ms)}, `).join('')}computed in ${time(compute)}.`;
}

let unread = [];

function report(request) {
  const item = make('li', request.state === 'refused' ? 'refusal' : '', sentence(request));
  if (requests.filter(({ total }) => total !== undefined).length === 1) $('log').replaceChildren();
  $('log').prepend(item);
  $('log').start = requests.length;
  while ($('log').children.length > 12) $('log').lastChild.remove();
  // A burst is one piece of news.
  if (!unread.length) setTimeout(announce, 700);
  unread.push(request);
}

function announce() {
  const of = (state) => unread.filter((request) => request.state === state).length;
  $('news').textContent = unread.length === 1 ? sentence(unread[0])
    : `${of('served')} served, ${of('refused')} refused, ${of('cancelled')} cancelled. ${open().length} still under way.`;
  unread = [];
}

/** A list of terms, each with its value. */
function tell(list, facts) {
  facts.forEach(([name, value], at) => {
    const entry = list.children[at] ?? list.appendChild(make('div', '', make('dt'), make('dd')));
    entry.dataset.fact = name;
    entry.firstChild.textContent = name;
    entry.lastChild.textContent = value;
  });
  while (list.children.length > facts.length) list.lastChild.remove();
}

function count() {
  tell($('counters'), [
    ['held in the browser', among('held').length], ['under way', among('sent').length], ['served', among('served').length],
    ['refused', among('refused').length], ['cancelled', among('cancelled').length], ['lanes that answered', lanes.length],
  ]);
  $('cancel-all').disabled = !open().length;
  $('clear').disabled = !requests.length || open().length > 0;
  plot();
}

// --- The plot: one mark per answer, from 1 ms to 100 s --------------------------------------------------------
for (const [decade, text] of [[0, '1 ms'], [1, '10 ms'], [2, '100 ms'], [3, '1 s'], [4, '10 s']]) {
  const line = $('plot').appendChild(make('span', '', make('small', '', text)));
  line.style.bottom = `${decade * 20}%`;
}

/** What took most of its time: the colour of its mark. */
const longest = ({ total, queue, compute }) =>
  Object.entries({ way: total - queue - compute, queue, compute }).reduce((a, b) => (b[1] > a[1] ? b : a))[0];

function plot() {
  const answered = requests.filter(({ state }) => state === 'served' || state === 'refused').slice(-60);
  $('plot').querySelectorAll('i').forEach((dot) => dot.remove());
  answered.forEach((request, at) => {
    const dot = $('plot').appendChild(make('i', request.state === 'refused' ? 'refused' : longest(request)));
    dot.style.left = `${(at + 0.5) / Math.max(answered.length, 20) * 100}%`;
    dot.style.bottom = `${Math.min(Math.max(Math.log10(request.total), 0), 5) * 20}%`;
  });
  const times = answered.filter(({ state }) => state === 'served').map(({ total }) => total).sort((a, b) => a - b);
  const at = (share) => time(times[Math.ceil(times.length * share) - 1]);
  $('quantiles').textContent = times.length ? `half within ${at(0.5)}, 95 % within ${at(0.95)}` : 'no answer yet';
}

// --- Buttons and their curl ----------------------------------------------------------------------------------
let lastSender = null;

/** The same set as in workload/route.rs: what a shell's quotes, curl or xargs would see a meaning in. */
const encode = (text) => text.replace(/['[\\\]^`{|}]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);

function wish(form) {
  const { label, method, path, times } = form.dataset;
  // On bars, the question says more than the button, and there may be many.
  if (!form.path) return { form, label, method, mark: path.split('?')[1] ?? path, path, times: Number(times) };
  const { pathname, search } = new URL(form.path.value, location.origin);
  const typed = encode(`${pathname}${search}`);
  return { form, label: typed, method, mark: typed, path: typed, times: Number(form.times?.value ?? 1) };
}

/** What goes along: the files that were chosen, or what is written in the form as if it were one. */
const filesOf = ({ dataset, file, body }) => (file ? [...file.files] : [new File([body.value], '', { type: dataset.types })]);

/** Of a file whose type the browser does not know, it is the first that the route names. */
const typeOf = (types, file) => file?.type || (types.find((type) => !type.includes('*')) ?? types[0].replace('*/*', 'application/octet-stream'));

/** All that a form sends now. */
function wishes(form) {
  const wanted = wish(form), { sent, types, limit } = form.dataset;
  if (!sent) return Array(wanted.times).fill(wanted);
  return filesOf(form).flatMap((file) => {
    const type = typeOf(types.split(' '), file), mark = file.name || wanted.mark;
    const why = fault(types.split(' '), limit, type, file.size);
    if (why) keep(form, $('news').textContent = `${mark} is not sent: ${why}`);
    return why ? [] : { ...wanted, mark, label: file.name ? `${mark} to ${wanted.path}` : mark, file, type };
  });
}

/** Why a lane would refuse this, in its words. */
function fault(types, limit, type, size) {
  const takes = (taken) => taken === '*/*' || (taken.endsWith('*') ? type.startsWith(taken.slice(0, -1)) : type === taken.toLowerCase());
  if (!types.some(takes)) return `415 unsupported_media_type (the body must be ${types.join(' or ')})`;
  return size > limit && `413 body_too_large (the body is larger than ${limit} bytes)`;
}

const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function curlOf(form) {
  const { path, method = 'GET', times } = wish(form), { sent, types } = form.dataset;
  const flags = method === (sent ? 'POST' : 'GET') ? [] : ['-X', method];
  if (sent) {
    const [file] = filesOf(form);
    flags.push(form.file ? `--data-binary ${quote(`@${file?.name ?? 'FILE'}`)}` : `--data-raw ${quote(form.body.value)}`);
    flags.push(`-H ${quote(`Content-Type: ${typeOf(types.split(' '), file)}`)}`);
  }
  const one = [...flags, quote(`${origin}${path}`)].join(' ');
  return times === 1 ? `curl ${one}` : `seq ${times} | xargs -P ${times} -I{} curl -s ${one}`;
}

async function copy(form, code, button) {
  try {
    await navigator.clipboard.writeText(curlOf(form));
    button.textContent = 'Copied';
    $('news').textContent = 'Copied.';
  } catch {
    // Browsers give the clipboard to pages from localhost or over HTTPS only.
    getSelection().selectAllChildren(code);
    button.textContent = 'Selected';
    $('news').textContent = 'Selected: copy it with Ctrl+C.';
  }
  setTimeout(() => { button.textContent = 'Copy'; }, 1500);
}

/** Where to say what goes along. */
function addFields(form) {
  const { label, path, sent, types, limit, body } = form.dataset;
  const field = (name, facts) => Object.assign(make(name), facts);
  form.querySelector('p').append(make('span', '', ` ${types.replaceAll(' ', ' or ')}, ${limit % 2 ** 20 ? `${limit} bytes` : `${limit / 2 ** 20} MiB`} at most`));
  form.append(field('input', { name: 'path', ariaLabel: `Path and query of: ${label}`, value: path, pattern: '/.*', required: true, spellcheck: false }));
  form.append(sent === 'raw'
    ? make('label', 'small', `Drop a file here, or choose one for: ${label} `, field('input', { name: 'file', type: 'file', accept: types.replaceAll(' ', ','), multiple: true, required: true }))
    : field('textarea', { name: 'body', ariaLabel: `Body of: ${label}`, value: body, rows: 3, spellcheck: false }));
}

for (const form of document.forms) {
  if (form.dataset.sent) addFields(form);
  const code = make('code', '', curlOf(form));
  const button = make('button', 'copy', 'Copy');
  const title = form.querySelector('.send');
  button.type = 'button';
  button.setAttribute('aria-label', `Copy the curl command of: ${title.textContent}`);
  button.addEventListener('click', () => copy(form, code, button));
  form.append(make('div', 'curl', code, button));
  form.addEventListener('input', ({ target }) => {
    if (!form.querySelector(':invalid:not([type=file])')) code.textContent = curlOf(form);
    if (target === form.file) form.requestSubmit();
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    lastSender = title;
    wishes(form).forEach(ask);
    pump();
  });
  if (watching) title.replaceWith(make('h2', '', title.textContent));
}

// A file that misses its panel would take the place of the page.
for (const kind of ['dragover', 'drop']) {
  document.addEventListener(kind, (event) => {
    const { files, types } = event.dataTransfer, input = event.target.closest?.('form')?.file;
    if (!types.includes('Files')) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = input ? 'copy' : 'none';
    if (kind === 'dragover' || !input) return;
    input.files = files;
    input.dispatchEvent(new Event('input', { bubbles: true }));
  });
}

/** The latest first: otherwise a cancelled request would make room, and the page would send one that it still holds. */
const cancelAll = () => open().reverse().forEach(cancel);
$('cancel-all').addEventListener('click', cancelAll);
document.addEventListener('keydown', (event) => { if (event.key === 'Escape') cancelAll(); });
$('clear').addEventListener('click', () => {
  for (const bar of bars) bar.element.remove();
  for (const [key, { element }] of rows) if (key !== 'open') { element.remove(); rows.delete(key); }
  document.querySelectorAll('figure').forEach(dismiss);
  bars.clear();
  requests = [];
  lanes.length = 0;
  pauses = [];
  stretch();
  draw();
  count();
  $('log').replaceChildren(make('li', 'small', 'Nothing yet.'));
  document.querySelector('.send').focus();
});

// --- The admin side: what /status says, twice a second --------------------------------------------------------
const seen = new Map();

async function watch() {
  try {
    const status = await (await fetch('/status', { cache: 'no-store' })).json();
    showStatus(status);
    status.slots.forEach(showSlot);
  } catch {
    tell($('facts'), [['phase', 'no answer']]);
  }
  setTimeout(watch, 500);
}

function showStatus({ mode, version, phase, uptime_seconds, slots, queue, children, rejected }) {
  const sum = (values) => Object.values(values).reduce((a, b) => a + b, 0);
  tell($('facts'), [
    ['mode', mode], ['phase', phase], ['slots busy', `${slots.filter(({ state }) => state === 'busy').length} of ${slots.length}`],
    ['waiting', `${queue.depth} of ${queue.limit}`], ['oldest waits', queue.oldest_wait_ms === null ? '–' : time(queue.oldest_wait_ms)],
    ['computed', sum(slots.map((slot) => slot.requests_served))], ['without a result', sum(rejected)],
    ['child processes', children.alive.length], ['up for', time(uptime_seconds * 1000)], ['version', version],
  ]);
}

/** A slot's requests, as far as they last long enough to be seen. */
function showSlot(slot, at) {
  const key = `slot ${at + 1}`, home = row(key, key, slot.pid ? `pid ${slot.pid}` : '');
  home.element.querySelector('small').textContent = slot.pid ? `pid ${slot.pid}` : '';
  const before = seen.get(key);
  if (before?.id === slot.request_id) return;
  if (before?.bar) before.bar.to = clock() - (slot.request_age_ms ?? 0);
  seen.set(key, { id: slot.request_id });
  if (slot.request_id === null) return;
  wake();
  if (!bars.size) first = clock() - slot.request_age_ms;
  const bar = newBar(slot.request_id.slice(0, 8), clock() - slot.request_age_ms);
  seen.get(key).bar = bar;
  paint(bar, [['compute', null]]);
  place(bar, home);
}

if (watching) {
  document.querySelector('main').append($('actions'));
  document.querySelectorAll('.sending, .limit').forEach((element) => { element.hidden = true; });
  $('status').hidden = false;
  $('lead').replaceChildren('This is the admin side of a lane, which only shows it. The page that sends requests is on its public port: ', Object.assign(make('a', '', origin), { href: `${origin}/` }), '.');
  watch();
} else {
  document.querySelectorAll('.limit').forEach((element) => { element.hidden = AT_ONCE > 6; });
  row('open', 'under way', 'no lane known yet');
  count();
}
