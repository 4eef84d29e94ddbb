// Steps are run in their order, each whatever became of those before it, and
// reported as a line of JSON: {"step", "ok", "error"}.
const steps = [];

export function step(name, run) {
  steps.push({ name, run });
}

// runAll exits with 1 if a step failed.
export async function runAll() {
  for (const { name, run } of steps) {
    try {
      await run();
      console.log(JSON.stringify({ step: name, ok: true }));
    } catch (error) {
      process.exitCode = 1;
      console.log(JSON.stringify({ step: name, ok: false, error: described(error) }));
    }
  }
}

function described(error) {
  const answer = error.statusCode === undefined ? "" : `${error.statusCode} ${error.code}: `;
  const lines = (error.stack ?? String(error)).split("\n");
  return answer + lines.filter((line) => !/node_modules|node:internal/.test(line)).join("\n");
}
