// Several processes that share a port: `node cluster.js PORT WORKERS`.
'use strict';
const cluster = require('cluster');

if (cluster.isPrimary) {
  for (let i = 0; i < Number(process.argv[3]); i += 1) cluster.fork();
} else {
  require('./blocking');
}
