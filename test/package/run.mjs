// Packs the project, installs the tarball in an empty folder and uses it there as a user would: an own service, `npx troupe up`,
// calls over HTTP and from a typed client. Ends with exit code 0 when all checks hold. Needs a build tool chain (`npm ci`), no build.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { freePort, processesOf, startUp } from "./up-process.mjs";

const run = promisify(execFile);
const project = fileURLToPath(new URL("../../", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "troupe-package-"));
const app = join(folder, "app");
const counts = { passed: 0, failed: 0, skipped: 0 };
let up;

/** One check. Later ones stand on earlier ones, so the first that fails ends the run. */
async function check(title, body) {
  try {
    const result = await body();
    counts.passed += 1;
    console.log(`ok   ${title}`);
    return result;
  } catch (error) {
    counts.failed += 1;
    console.log(`FAIL ${title}\n${error.stack}\n${error.stdout ?? ""}${error.stderr ?? ""}`);
    throw error;
  }
}

async function runChecks() {
  const tarball = await check("npm pack makes a tarball", pack);
  await check("the tarball holds what users need and nothing else", () => checkContents(tarball));
  await check("publint has nothing to say", () => run("npx", ["--no-install", "publint", "--strict", tarball], { cwd: project }));
  await check("it installs in an empty folder, without scripts", () => install(tarball));
  await check("npx troupe says its version and its commands", checkCommand);
  await check("service and client type-check against the installed package", typeCheck);
  await check("npx troupe simulate greeter.ts finds that everything holds", simulateGood);
  await check("npx troupe simulate dice.ts says where replicas differ and which handler it does not run", simulateBad);
  up = await check("npx troupe up greeter.ts says that it is ready", async () =>
    startUp(app, ["greeter.ts", "--port", String(await freePort())]),
  );
  await check("an operation and a query answer over HTTP", () => callOverHttp(up.url));
  await check("a retry with its key is executed once", () => retryOverHttp(up.url));
  await check("the service's own error is a refusal", () => refuseOverHttp(up.url));
  await check("the typed client calls it", () => callTyped(up.url));
  await check("the program of docs/guide/clients.md says what the page says", () => runGuide(up.url));
  await check("it stops when it is told to, and leaves no process", stop);
}

async function pack() {
  const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", folder], { cwd: project, maxBuffer: 64 * 1024 * 1024 });
  // The build, which runs first, may print lines of its own.
  const [packed] = JSON.parse(stdout.slice(stdout.search(/^\[/m)));
  return join(folder, packed.filename);
}

async function checkContents(tarball) {
  const { stdout } = await run("tar", ["-tzf", tarball], { maxBuffer: 64 * 1024 * 1024 });
  const paths = stdout
    .trim()
    .split("\n")
    .map((path) => path.replace(/^package\//, ""));
  for (const needed of [
    "LICENSE",
    // Messages name them.
    "docs/reference/config.md",
    "docs/reference/http.md",
    "README.md",
    "bin/troupe.js",
    "dist/programs/cli.js",
    "dist/programs/LICENSES.txt",
    "dist/service/index.d.ts",
    "dist/client/index.d.ts",
  ]) {
    assert(paths.includes(needed), `${needed} is missing`);
  }
  for (const name of ["bank", "counter", "kv"])
    assert(
      paths.some((path) => path.startsWith(`examples/${name}`)),
      `examples/${name} is missing`,
    );
  const allowed = /^(package\.json|(README|ARCHITECTURE|STYLE|CHANGELOG)\.md|LICENSE|bin\/|dist\/|docs\/|examples\/)/;
  const unwanted = /\.test\.|\/test\/|(^|\/)planted\//;
  assert.deepEqual(
    paths.filter((path) => !allowed.test(path) || unwanted.test(path)),
    [],
  );
}

async function install(tarball) {
  mkdirSync(app);
  cpSync(join(project, "test/package/app"), app, { recursive: true });
  await run("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", tarball], { cwd: app });
}

async function checkCommand() {
  const { version } = JSON.parse(readFileSync(join(project, "package.json"), "utf8"));
  const said = await run("npx", ["--no-install", "troupe", "--version"], { cwd: app });
  assert.match(said.stdout, new RegExp(`(^|\\s)v?${version.replaceAll(".", "\\.")}(\\s|$)`));
  const help = await run("npx", ["--no-install", "troupe", "--help"], { cwd: app });
  for (const command of ["up", "down", "status"]) assert.match(help.stdout, new RegExp(`^\\s+${command}\\b`, "m"));
}

/** The compiler and Node's types are the project's own; all else is resolved as it is installed. */
async function typeCheck() {
  const compiler = join(project, "node_modules/.bin/tsc");
  await run(compiler, ["-p", app, "--typeRoots", join(project, "node_modules/@types")], { cwd: app });
}

/** One run in each style: whether the package holds what it takes. */
function simulate(service) {
  return run("npx", ["--no-install", "troupe", "simulate", service, "--seeds", "1", "--json"], { cwd: app, timeout: 120_000 });
}

async function simulateGood() {
  const proof = JSON.parse((await simulate("greeter.ts")).stdout);
  assert.deepEqual(
    [proof.passed, proof.reasons, proof.styles.map(({ style }) => style)],
    [true, [], ["active", "warm-passive", "cold-passive"]],
  );
}

async function simulateBad() {
  const failed = await simulate("dice.ts").then(
    () => assert.fail("it has passed"),
    (error) => error,
  );
  assert.equal(failed.code, 1, failed.stderr);
  const { notRun, styles } = JSON.parse(failed.stdout);
  assert.deepEqual(
    notRun.map(({ name, why }) => [name, /calls fetch/.test(why)]),
    [["ask", true]],
  );
  assert.match(styles[0].failed.finding.text, /After roll \(operation 1 of the run\) the state of .*\n {2}state\.last is /);
}

async function post(url, body, headers = {}) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(15_000),
  });
  return { status: response.status, body: await response.json() };
}

async function callOverHttp(url) {
  const greeted = await post(`${url}/v1/groups/greeter/operations/greet`, "HTTP", { "idempotency-key": "greet-1" });
  assert.equal(greeted.status, 200, JSON.stringify(greeted.body));
  assert.deepEqual(greeted.body.result, { text: "Hello, HTTP!", count: 1 });
  const counted = await post(`${url}/v1/groups/greeter/queries/count`, "HTTP");
  assert.deepEqual([counted.status, counted.body.result], [200, 1]);
}

async function retryOverHttp(url) {
  const again = await post(`${url}/v1/groups/greeter/operations/greet`, "HTTP", { "idempotency-key": "greet-1" });
  assert.deepEqual(again.body.result, { text: "Hello, HTTP!", count: 1 });
}

async function refuseOverHttp(url) {
  const refused = await post(`${url}/v1/groups/greeter/operations/greet`, "", { "idempotency-key": "greet-2" });
  assert.equal(refused.status, 422, JSON.stringify(refused.body));
  assert.deepEqual(refused.body.error, { code: "nameless", message: "nobody to greet", outcome: "refused", details: { given: "" } });
}

/** The client is TypeScript: esbuild, which came with the package, makes it run on every Node. */
async function callTyped(url) {
  await run("npx", ["--no-install", "esbuild", "client.ts", "--format=esm", "--outfile=client.js"], { cwd: app });
  const { stdout } = await run(process.execPath, ["client.js", `${url.replace(/^http/, "troupe")}/greeter`], { cwd: app, timeout: 30_000 });
  assert.deepEqual(JSON.parse(stdout.trim().split("\n").at(-1)), { greeting: { text: "Hello, typed client!", count: 1 }, count: 1 });
}

async function runGuide(url) {
  const page = readFileSync(join(project, "docs/guide/clients.md"), "utf8");
  const [, program] = /```ts\n([\s\S]*?)```/.exec(page);
  writeFileSync(join(app, "guide.ts"), program.replace("troupe://127.0.0.1:7400", url.replace(/^http/, "troupe")));
  await typeCheck();
  await run("npx", ["--no-install", "esbuild", "guide.ts", "--format=esm", "--outfile=guide.js"], { cwd: app });
  const { stdout } = await run(process.execPath, ["guide.js"], { cwd: app, timeout: 30_000 });
  const isView = (line) => /^greeter-\d leads \d replicas$/.test(line);
  const lines = stdout.trim().split("\n");
  // On a busy machine the group may change while the program runs.
  assert(lines.some(isView), stdout);
  assert.deepEqual(
    lines.filter((line) => !isView(line)),
    ["Hello, Ada! 1", "1", "refused nobody to greet"],
  );
}

async function stop() {
  await up.stop();
  assert.deepEqual(await processesOf(folder), []);
}

try {
  await runChecks();
} catch {
  process.exitCode = 1;
} finally {
  await up?.kill();
  for (const { pid } of await processesOf(folder)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It ended between the look and the kill.
    }
  }
  const path = process.env.TROUPE_TEST_COUNTS;
  if (path !== undefined) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${JSON.stringify(counts)}\n`);
  }
  if (counts.failed === 0) rmSync(folder, { recursive: true, force: true });
  else console.log(`The folder is left for a look: ${folder}`);
  console.log(`package: ${counts.passed} passed, ${counts.failed} failed`);
}
