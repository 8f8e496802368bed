#!/usr/bin/env node
// The launcher says in words where Troupe cannot run; everything else is in dist/programs. It must parse on any Node, so it stays plain.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

if (process.platform === "win32") {
  refuse("Troupe does not run on Windows: it relies on POSIX signals and Unix sockets. Run it on Linux or macOS, or inside WSL 2.");
} else if (major < 20 || (major === 20 && minor < 19)) {
  refuse(`Troupe needs Node 20.19 or later, and this is Node ${process.versions.node}. Install a newer Node and run the command again.`);
} else {
  await import("../dist/programs/cli.js");
}

/** @param {string} reason */
function refuse(reason) {
  process.stderr.write(`${reason}\n`);
  process.exitCode = 1;
}
