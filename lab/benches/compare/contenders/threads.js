// A thread for each request: `node threads.js PORT`.
'use strict';
const http = require('http');
const { Worker } = require('worker_threads');

http
  .createServer((request, response) => {
    const worker = new Worker(`${__dirname}/threads-worker.js`, { workerData: request.url });
    worker.on('message', (result) => {
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify(result));
    });
  })
  .listen(process.argv[2], '127.0.0.1');
