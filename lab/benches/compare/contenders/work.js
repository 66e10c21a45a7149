// What the Node.js designs compute: the answers of onelane's routes of the same names.
'use strict';

// Keeps the CPU busy.
function wait(ms) {
  const end = Date.now() + ms;
  while (Date.now() < end);
}

// Occupies the thread without using CPU.
function sleep(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

module.exports = function answer(url) {
  const [path, query] = url.split('?');
  const input = new URLSearchParams(query);
  if (path === '/wait') wait(Number(input.get('ms')));
  if (path === '/sleep') sleep(Number(input.get('ms')));
  return { ok: true, pid: process.pid };
};
