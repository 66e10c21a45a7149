// The thread of threads.js: one answer, and it ends.
'use strict';
const { parentPort, workerData } = require('worker_threads');
const answer = require('./work');

parentPort.postMessage(answer(workerData));
