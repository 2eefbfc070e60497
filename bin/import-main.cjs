// Apart from the launcher, because the oldest versions of Node cannot even read a file that contains import().
'use strict';

import('../dist/main.js').catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
