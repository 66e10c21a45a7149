// What the Node.js designs compute: the answers of onelane's routes of the same names.
'use strict';

// Trial division by 2, 3 and every 6k±1 up to N/5, as in src/workload/prime.rs.
function isPrime(number) {
  for (const small of [2, 3]) {
    if (number > small && number % small === 0) return false;
  }
  for (let candidate = 5; candidate <= number / 5; candidate += 6) {
    if (number % candidate === 0 || number % (candidate + 2) === 0) return false;
  }
  return number > 1;
}

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
  if (path === '/prime') {
    const number = Number(input.get('number'));
    return { number, prime: isPrime(number), pid: process.pid };
  }
  if (path === '/wait') wait(Number(input.get('ms')));
  if (path === '/sleep') sleep(Number(input.get('ms')));
  return { ok: true, pid: process.pid };
};
