// A child process for each request: `node fork.js PORT`.
'use strict';
const http = require('http');
const { fork } = require('child_process');

http
  .createServer((request, response) => {
    const child = fork(`${__dirname}/fork-child.js`);
    child.on('message', (result) => {
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify(result));
    });
    child.send(request.url);
  })
  .listen(process.argv[2], '127.0.0.1');
