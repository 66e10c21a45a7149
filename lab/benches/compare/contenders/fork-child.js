// The child of fork.js: one answer, and it ends.
'use strict';
const answer = require('./work');

process.on('message', (url) => {
  process.send(answer(url), () => process.exit());
});
