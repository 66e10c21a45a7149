// One process, one thread: `node blocking.js PORT`.
'use strict';
const http = require('http');
const answer = require('./work');

http
  .createServer((request, response) => {
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify(answer(request.url)));
  })
  .listen(process.argv[2], '127.0.0.1');
