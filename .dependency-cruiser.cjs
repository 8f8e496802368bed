// Imports go one way. Each row: the folder, and what of src/ it may import besides itself. Node and npm packages are further below.
// ARCHITECTURE.md explains why; this table is what is enforced (`npm run boundaries`).
const components = ["lfd", "gfd", "rm", "server", "client"];

const mayImport = [
  ["vocabulary", []],
  ["codec", ["vocabulary"]],
  ["storage", ["vocabulary", "codec"]],
  ["detection", ["vocabulary"]],
  ["service", ["vocabulary", "codec"]],
  ["checker", ["vocabulary"]],
  ["runtime", ["vocabulary", "codec"]],
  ["config", ["vocabulary"]],
  ...components.map((name) => [`${name}/core`, ["vocabulary", "detection"]]),
  ...components.map((name) => [`${name}/process`, ["vocabulary", "codec", "storage", "detection", "runtime", "config", `${name}/core`]]),
  // Between core and process, and nothing of Node: what the process and the simulator share.
  ["server/shell", ["vocabulary", "codec", "storage", "service", "server/core"]],
  ["gateway", ["vocabulary", "codec", "runtime", "config", "client/process", "client/core", "client/[^/]+[.]ts"]],
  ["supervisor", ["vocabulary", "codec", "detection", "runtime", "config", "service", "client/process", "client/core"]],
  ["sim", ["vocabulary", "codec", "storage", "detection", "service", "checker", "[^/]+/core", "server/shell"]],
  ["explore", ["vocabulary", "codec", "storage", "detection", "service", "checker", "[^/]+/core"]],
  ["proof", ["vocabulary", "codec", "service", "checker", "sim"]],
  ["testing", ["vocabulary", "codec", "service", "checker", "sim", "proof"]],
];
const extra = { "server/process": ["service", "server/shell"] };

// Test files may reach further than the code beside them; they are held to the rule against cycles only.
const isTest = "[.]test[.-]|/test/";
const pureFolders = "^src/(vocabulary|detection|storage|[^/]+/core|server/shell)/";

const oneWay = mayImport.map(([folder, targets]) => ({
  name: `imports-of-${folder.replace("/", "-")}`,
  comment: `src/${folder} may import ${targets.length === 0 ? "nothing else" : targets.join(", ")}`,
  severity: "error",
  from: { path: `^src/${folder}/`, pathNot: isTest },
  to: {
    path: "^src/",
    pathNot: [folder, ...targets, ...(extra[folder] ?? [])].map((target) =>
      target.endsWith("[.]ts") ? `^src/${target}$` : `^src/${target}/`,
    ),
  },
}));

/** A package lives behind one door, so that it can be replaced by changing one folder. */
const homes = [
  ["msgpackr", "codec"],
  ["commander|picocolors", "cli"],
  ["hono|@hono/node-server", "gateway"],
  ["pino", "runtime"],
];
const oneHome = homes.map(([packages, folder]) => ({
  name: `home-of-${packages.replace(/\W+/g, "-")}`,
  comment: `only src/${folder} imports ${packages}`,
  severity: "error",
  from: { path: "^src/", pathNot: [`^src/${folder}/`, isTest] },
  to: { path: `node_modules/(${packages})/` },
}));

module.exports = {
  forbidden: [
    ...oneWay,
    ...oneHome,
    {
      name: "no-circular",
      comment: "two files that import each other are one file in two pieces",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "pure-is-alone",
      comment: "pure code imports neither Node nor a package",
      severity: "error",
      from: { path: pureFolders, pathNot: isTest },
      to: { dependencyTypes: ["core", "npm", "npm-dev", "npm-optional", "npm-peer", "npm-no-pkg", "npm-unknown"] },
    },
    {
      name: "codec-is-nearly-alone",
      comment: "of Node the codec takes zlib's crc32 only",
      severity: "error",
      from: { path: "^src/codec/", pathNot: isTest },
      to: { dependencyTypes: ["core"], pathNot: "^(node:)?zlib$" },
    },
    {
      name: "process-is-private",
      comment: "a process is reached by messages; only its own component, the gateway (as a client) and the commands start it",
      severity: "error",
      from: { path: "^src/([^/]+)/", pathNot: ["^src/(cli|gateway|supervisor|testing)/", isTest] },
      to: { path: "^src/[^/]+/process/", pathNot: "^src/$1/" },
    },
    {
      name: "not-to-test",
      comment: "shipped code imports no test code",
      severity: "error",
      from: { path: "^src/", pathNot: isTest },
      to: { path: `${isTest}|^test/` },
    },
    {
      name: "not-to-cli",
      comment: "nothing stands on the commands",
      severity: "error",
      from: { path: "^src/", pathNot: ["^src/cli/", isTest] },
      to: { path: "^src/cli/" },
    },
    {
      name: "no-dev-package",
      comment: "what ships is installed without dev dependencies",
      severity: "error",
      from: { path: "^src/", pathNot: isTest },
      to: { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["npm", "type-only"] },
    },
    {
      name: "unresolvable",
      comment: "an import that leads nowhere",
      severity: "error",
      from: {},
      to: { couldNotResolve: true, pathNot: "^troupe(/|$)" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default", "types"] },
  },
};
