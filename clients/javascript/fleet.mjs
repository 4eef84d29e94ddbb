// An administrator of a fleet, on the Microsoft Graph SDK for JavaScript: two
// devices are enrolled, and their agents run. One of them works in a folder whose
// name has "healthy" in it.
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";

import { connect } from "./connect.mjs";
import { runAll, step } from "./steps.mjs";

const { PLIMSOLL_SERVER: server, PLIMSOLL_TENANT_ID: tenant, PLIMSOLL_CLIENT_ID: id, PLIMSOLL_CLIENT_SECRET: secret } = process.env;
const client = connect(server, tenant, id, secret);
const scripts = "/deviceManagement/deviceComplianceScripts";
const devices = "/deviceManagement/managedDevices";
const source = `#!/bin/sh
echo "in $PWD"
case $PWD in *healthy*) exit 0 ;; esac
exit 1
`;
let script;

// until asks again and again until the answer is as it must be, for a minute at most.
async function until(ask, holds, within = 60_000) {
  const end = Date.now() + within;
  for (;;) {
    const answer = await ask();
    if (holds(answer)) return answer;
    assert.ok(Date.now() < end, `not within ${within} ms: ${JSON.stringify(answer)}`);
    await pause(50);
  }
}

const counts = async () => {
  const summary = await client.api(`${scripts}/${script.id}/runSummary`).get();
  return [
    summary.noIssueDetectedDeviceCount, summary.issueDetectedDeviceCount,
    summary.detectionScriptErrorDeviceCount, summary.detectionScriptPendingDeviceCount,
  ].join(" ");
};
const states = async () => {
  const page = await client.api(`${scripts}/${script.id}/deviceRunStates`).expand("managedDevice($select=id,deviceName)").get();
  return page.value;
};

step("a script is posted and assigned", async () => {
  script = await client.api(scripts).post({
    displayName: "Healthy folder", detectionScriptContent: Buffer.from(source).toString("base64"),
  });
  await client.api(`${scripts}/${script.id}/assign`).post({
    deviceHealthScriptAssignments: [{
      target: { "@odata.type": "#microsoft.graph.allDevicesAssignmentTarget" },
      runSchedule: { "@odata.type": "#microsoft.graph.deviceHealthScriptDailySchedule", interval: 1, time: "11:00:00", useUtc: false },
    }],
  });
});

step("two agents run it: one is healthy, one has the issue", async () => {
  await until(counts, (text) => text === "1 1 0 0");
  const found = await states();
  assert.deepEqual(found.map((state) => state.detectionState).sort(), ["fail", "success"]);
  for (const state of found) {
    assert.match(state.scriptOutput, state.detectionState === "success" ? /^in .*healthy/ : /^in /);
    const next = new Date(state.expectedStateUpdateDateTime);
    assert.ok(next > Date.now() && next < Date.now() + 26 * 3600_000, state.expectedStateUpdateDateTime);
  }
});

step("a device runs it on request, within two seconds", async () => {
  for (const state of await states()) {
    const before = new Date(state.lastStateUpdateDateTime);
    await client.api(`${devices}/${state.managedDevice.id}/initiateOnDemandProactiveRemediation`).post({ scriptPolicyId: script.id });
    const path = `${scripts}/${script.id}/deviceRunStates/${state.id}`;
    await until(() => client.api(path).get(), (now) => new Date(now.lastStateUpdateDateTime) > before, 2000);
  }
  assert.equal(await counts(), "1 1 0 0");
});

step("a new version runs everywhere", async () => {
  const mended = source.replace("exit 1", "exit 0");
  await client.api(`${scripts}/${script.id}`).patch({ detectionScriptContent: Buffer.from(mended).toString("base64") });
  await until(counts, (text) => text === "2 0 0 0");
});

step("a script that is no longer assigned runs no more", async () => {
  await client.api(`${scripts}/${script.id}/assign`).post({ deviceHealthScriptAssignments: [] });
  await until(states, (found) => found.length === 0);
});

await runAll();
