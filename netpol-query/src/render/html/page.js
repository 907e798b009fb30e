'use strict';
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const {ends, reasons, rows} = data;
  const byId = id => document.getElementById(id);
  const body = document.querySelector('#rows tbody');
  const why = byId('why');
  const STEP = 300;
  let shown = STEP, state = {};

  const make = (tag, text, cls) => {
    const e = document.createElement(tag);
    if (text !== undefined) e.textContent = text;
    if (cls) e.className = cls;
    return e;
  };
  const text = rows.map(r => (ends[r[0]].label + ' → ' + ends[r[1]].label + ' ' + r[2] + ' ' + r[3] + ' ' + (r[7] || '') + ' ' +
    r[6].map(i => (reasons[i].policy || '') + ' ' + (reasons[i].place || '')).join(' ')).toLowerCase());
  const mixed = rows.some(r => r[2] === 'DENY') && rows.some(r => r[2] !== 'DENY');
  const total = () => mixed && !state.denied ? rows.filter(r => r[2] !== 'DENY').length : rows.length;
  const isEnd = (end, id) => !id || id === '*' || end.id === id ||
    (id === 'external' && end.type === 'external') ||
    (id.startsWith('namespace/') && end.namespace === id.slice(10));
  const within = i => isEnd(ends[rows[i][0]], state.from) && isEnd(ends[rows[i][1]], state.to);
  const matches = () => {
    const words = (state.q || '').toLowerCase().split(/\s+/).filter(Boolean);
    const found = [], open = !mixed || state.denied;
    for (let i = 0; i < rows.length; i++)
      if (within(i) && (open || rows[i][2] !== 'DENY' || state.from || state.to) && words.every(w => text[i].includes(w))) found.push(i);
    return found;
  };
  const read = () => {
    state = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  };
  const go = change => {
    const next = {...state, ...change};
    for (const k of Object.keys(next)) if (next[k] === undefined || next[k] === '') delete next[k];
    delete next.go;
    const hash = '#' + new URLSearchParams(next);
    history.replaceState(null, '', hash);
    read();
    show();
  };

  const table = () => {
    const found = matches();
    body.replaceChildren(...found.slice(0, shown).map(i => {
      const r = rows[i], tr = make('tr');
      tr.tabIndex = 0;
      tr.dataset.row = i;
      tr.setAttribute('aria-selected', String(i) === state.row);
      tr.append(make('td', ends[r[0]].label), make('td', ends[r[1]].label), make('td', r[2], r[2]),
        make('td', r[3] + (r[7] ? ' ' + r[7] : '')), make('td', r[4] + '/' + r[5]));
      return tr;
    }));
    byId('count').textContent = found.length === total() ? found.length + ' rows' : found.length + ' of ' + rows.length + ' rows';
    byId('more').hidden = found.length <= shown;
    byId('denied').hidden = !mixed;
    byId('denied').firstElementChild.checked = !!state.denied;
    byId('clear').hidden = !(state.q || state.from || state.to);
    return found;
  };

  const step = i => {
    const r = reasons[i];
    const no = ['NO_RULE_MATCHES', 'DENIED_BY_RULE', 'NO_COMMON_FAMILY'].includes(r.code);
    const yes = ['ALLOWED_BY_RULE', 'NOT_ISOLATED', 'SELF', 'HOST_NETWORK', 'OWN_NODE'].includes(r.code);
    const li = make('li', undefined, no ? 'no' : yes ? 'yes' : '');
    li.append(r.message);
    for (const known of [r.policy, r.place]) if (known) li.append(make('code', known));
    return li;
  };
  const part = i => {
    const r = rows[i], div = make('div', undefined, 'part');
    const p = make('p');
    p.append(make('span', r[2], r[2]), ' on ' + (r[3] === 'all' ? 'all ports' : r[3]) + (r[7] ? ', ' + r[7] : '') + ', ' + r[4] + ' of ' + r[5] + (r[5] === 1 ? ' pair' : ' pairs'));
    div.append(p);
    if (!r[6].length) div.append(make('p', 'This row is beyond those that say why: ask about fewer pairs.', 'note'));
    for (const [key, title] of [['egress', 'Egress of the source'], ['ingress', 'Ingress of the destination'], [null, 'Besides']]) {
      const own = r[6].filter(k => reasons[k].direction === key && reasons[k].code !== 'NEAR_MISS');
      if (!own.length) continue;
      const ul = make('ul');
      ul.append(...own.map(step));
      div.append(make('h3', title), ul);
    }
    const near = r[6].filter(k => reasons[k].code === 'NEAR_MISS');
    if (near.length) {
      const ul = make('ul');
      ul.append(...near.map(step));
      div.append(make('h3', 'Near miss'), ul);
    }
    return div;
  };
  const name = id => id === '*' ? 'everything' : id.startsWith('namespace/') ? 'all of ' + id.slice(10) :
    (ends.find(e => e.id === id) || {label: id}).label;
  const panel = found => {
    const one = state.row !== undefined && rows[state.row] ? [Number(state.row)] : null;
    const list = one || ((state.from || state.to) && !state.q ? found : null);
    why.hidden = !list;
    document.body.classList.toggle('open', !!list);
    if (!list) return why.replaceChildren();
    const close = make('button', 'Close', 'close');
    close.type = 'button';
    close.onclick = () => go({row: undefined, from: undefined, to: undefined});
    const title = one ? ends[rows[one[0]][0]].label + ' → ' + ends[rows[one[0]][1]].label : name(state.from || '*') + ' → ' + name(state.to || '*');
    why.replaceChildren(close, make('h2', title), ...list.slice(0, 20).map(i => {
      const div = part(i);
      if (!one) div.prepend(make('b', ends[rows[i][0]].label + ' → ' + ends[rows[i][1]].label));
      return div;
    }));
    if (!list.length) why.append(make('p', 'No row is listed for this pair: nothing is allowed.', 'note'));
    if (list.length > 20) why.append(make('p', 'and ' + (list.length - 20) + ' more in the table', 'note'));
  };
  const picture = () => {
    const from = state.row !== undefined && rows[state.row] ? ends[rows[state.row][0]] : null;
    const to = from && ends[rows[state.row][1]];
    for (const e of document.querySelectorAll('.picture .edge[data-from],.picture .cell[data-from]')) {
      const {from: f, to: t} = e.dataset;
      const on = from ? isEnd(from, f) && isEnd(to, t) : (state.from || state.to) ?
        (!state.from || f === state.from || f === '*') && (!state.to || t === state.to) : null;
      e.classList.toggle('picked', on === true);
      e.classList.toggle('dim', on === false && e.classList.contains('edge'));
    }
  };
  const show = () => {
    if (document.activeElement !== byId('q')) byId('q').value = state.q || '';
    panel(table());
    picture();
    if (state.go && byId(state.go)) byId(state.go).scrollIntoView();
  };

  const pick = row => go({row: state.row === row ? undefined : row});
  body.addEventListener('click', e => {
    const tr = e.target.closest('tr');
    if (tr) pick(tr.dataset.row);
  });
  body.addEventListener('keydown', e => {
    const tr = e.target.closest('tr');
    if (!tr) return;
    const next = {ArrowDown: tr.nextElementSibling, ArrowUp: tr.previousElementSibling}[e.key];
    if (next) { next.focus(); e.preventDefault(); }
    if (e.key === 'Enter' || e.key === ' ') {
      const row = tr.dataset.row;
      pick(row);
      const same = body.querySelector('[data-row="' + row + '"]');
      if (same) same.focus();
      e.preventDefault();
    }
  });
  document.addEventListener('keydown', e => {
    if (e.key === 'Escape') go({row: undefined, from: undefined, to: undefined});
    if (e.key === '/' && document.activeElement !== byId('q')) { byId('q').focus(); e.preventDefault(); }
  });
  const act = e => {
    const on = e.target.closest('.edge[data-from],.cell[data-from],.node');
    if (!on) return;
    if (on.dataset.id) go({from: on.dataset.id, to: undefined, row: undefined, q: undefined});
    else go({from: on.dataset.from, to: on.dataset.to, row: undefined, q: undefined});
  };
  for (const svg of document.querySelectorAll('.picture')) {
    svg.addEventListener('click', act);
    svg.addEventListener('keydown', e => { if (e.key === 'Enter') act(e); });
    for (const e of svg.querySelectorAll('.edge[data-from],.cell[data-from],.node')) e.setAttribute('tabindex', '0');
  }
  byId('q').addEventListener('input', e => { shown = STEP; go({q: e.target.value, row: undefined}); });
  byId('denied').addEventListener('change', e => go({denied: e.target.checked ? '1' : undefined}));
  byId('clear').addEventListener('click', () => { byId('q').value = ''; go({q: undefined, from: undefined, to: undefined, row: undefined}); });
  byId('more').addEventListener('click', () => { shown += STEP; show(); });
  addEventListener('hashchange', () => { read(); show(); });
  read();
  // What was asked about one pair is answered at once.
  if (!location.hash && rows.length === 1) state.row = '0';
  show();
})();
