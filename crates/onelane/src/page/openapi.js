'use strict';

const make = (tag, className = '', ...children) => {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children.filter((child) => child !== ''));
  return element;
};
const code = (text) => make('code', '', text);
/** A text with code in it. */
const prose = (text = '') => text.split('`').map((part, at) => (at % 2 ? code(part) : part));

/** The OpenAPI document. */
let whole = {};

/** What stands where a reference leads to, with what stands beside the reference. */
function resolve(part) {
  if (!part?.$ref) return part ?? {};
  const target = part.$ref.split('/').slice(1).reduce((at, name) => at[name], whole);
  const { $ref, ...beside } = part;
  return { ...resolve(target), ...beside };
}

/** A schema in a few words. */
function typeOf(given) {
  const schema = resolve(given);
  if ('const' in schema) return JSON.stringify(schema.const);
  const several = schema.oneOf ?? schema.anyOf;
  if (several) return several.map(typeOf).join(' | ');
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (schema.type === 'array') return `${typeOf(schema.items)}[]`;
  const words = [[schema.type ?? 'anything'].flat().join(' | ')];
  if (schema.format) words.push(schema.format);
  if ('exclusiveMinimum' in schema) words.push(`> ${schema.exclusiveMinimum}`);
  if ('minimum' in schema) words.push(`≥ ${schema.minimum}`);
  // JavaScript has no exact larger ones; the format tells.
  if (Number.isSafeInteger(schema.maximum)) words.push(`≤ ${schema.maximum}`);
  if (schema.pattern) words.push(schema.pattern);
  if ('default' in schema) words.push(`default ${JSON.stringify(schema.default)}`);
  return words.join(', ');
}

const field = (name, place, isRequired, type, description) =>
  make('tr', '', make('td', '', code(name)), make('td', 'small', place), make('td', 'small', isRequired ? 'required' : ''),
    make('td', '', code(type)), make('td', 'small', ...prose(description)));

function fieldsOf(given, place) {
  const schema = resolve(given);
  const fields = Object.entries(schema.properties ?? {});
  return fields.map(([name, part]) =>
    field(name, place, schema.required?.includes(name), typeOf(part), resolve(part).description));
}

const examplesOf = (part) => Object.entries(part.examples ?? {}).map(([name, { value }]) =>
  make('p', 'small', `${name} `, code(typeof value === 'string' ? value : JSON.stringify(value))));

function request({ parameters = [], requestBody }) {
  const asked = parameters.map(resolve);
  const rows = asked.map((it) => field(it.name, it.in, it.required, typeOf(it.schema), it.description));
  const examples = asked.flatMap(examplesOf);
  for (const [type, media] of Object.entries(requestBody?.content ?? {})) {
    rows.push(field(type, 'body', requestBody.required, typeOf(media.schema), requestBody.description));
    rows.push(...fieldsOf(media.schema, type));
    examples.push(...examplesOf(media));
  }
  return [make('table', '', ...rows), ...examples];
}

function answer([status, given]) {
  const { description, content = {} } = resolve(given);
  const types = Object.entries(content).map(([type, { schema }]) => {
    const reasons = resolve(schema).properties?.reason?.enum;
    if (reasons) return reasons.join(' ');
    const fields = fieldsOf(schema, '').map((row) => row.firstChild.textContent);
    return fields.length ? `${type} { ${fields.join(', ')} }` : type;
  });
  return make('tr', '', make('td', '', code(status)), make('td', 'small', ...prose(description)),
    make('td', '', code(types.join(' '))));
}

function operation(path, method, it) {
  const summary = make('summary', '', code(`${method.toUpperCase()} ${path}`), ` ${it.summary ?? ''}`);
  const answers = Object.entries(it.responses).map(answer);
  const element = make('details', 'panel', summary, make('p', '', ...prose(it.description)), make('h2', '', 'Request'), ...request(it),
    make('h2', '', 'Answers'), make('table', '', ...answers));
  element.id = it.operationId;
  return element;
}

async function show() {
  const answer = await fetch('/openapi.json');
  whole = await answer.json();
  document.getElementById('lead').append(...prose(`Version ${whole.info.version}. ${whole.info.description}`));
  for (const [path, methods] of Object.entries(whole.paths)) {
    for (const [method, it] of Object.entries(methods)) {
      document.getElementById('operations').append(operation(path, method, it));
    }
  }
  document.getElementById(location.hash.slice(1))?.setAttribute('open', '');
}

show().catch((err) => document.getElementById('lead').append(`The document is not there: ${err.message}`));
