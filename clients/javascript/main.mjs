// The Microsoft Graph SDK for JavaScript against a Plimsoll server, which the
// environment names.
import assert from "node:assert/strict";

import { BatchRequestContent, BatchResponseContent, Client, PageIterator, ResponseType } from "@microsoft/microsoft-graph-client";

import { connect } from "./connect.mjs";
import { runAll, step } from "./steps.mjs";

const { PLIMSOLL_SERVER: server, PLIMSOLL_TENANT_ID: tenant, PLIMSOLL_CLIENT_ID: id, PLIMSOLL_CLIENT_SECRET: secret } = process.env;
const client = connect(server, tenant, id, secret);
const scripts = "/deviceManagement/deviceComplianceScripts";
const at = (script) => `${scripts}/${script.id}`;

const summary = {
  noIssueDetectedDeviceCount: 97,
  issueDetectedDeviceCount: 2,
  detectionScriptErrorDeviceCount: 1,
  detectionScriptPendingDeviceCount: 0,
  lastScriptRunDateTime: "2017-01-01T00:01:17.4310553-08:00",
};

const create = (displayName, more = {}) => client.api(scripts).post({ displayName, ...more });
const report = (script, counts = {}) => client.api(`${at(script)}/runSummary`).post({ ...summary, ...counts });

// refusal gives the GraphError that a call ends in.
async function refusal(call, statusCode, code) {
  const error = await call.then(
    (answer) => assert.fail(`it was answered: ${JSON.stringify(answer)}`),
    (refused) => refused,
  );
  assert.equal(error.constructor.name, "GraphError", error.stack);
  assert.deepEqual([error.statusCode, error.code], [statusCode, code], error.message);
  assert.ok(error.message.length > 10, error.message);
  return error;
}

// toTheEnd gives every item that a PageIterator visits, and the iterator.
async function toTheEnd(page, options) {
  const visited = [];
  const iterator = new PageIterator(client, page, (item) => visited.push(item) > 0, options);
  await iterator.iterate();
  assert.ok(iterator.isComplete());
  return { visited, iterator };
}

const idsOf = (items) => items.map((item) => item.id);
const namesOf = (items) => items.map((item) => item.displayName);

// Scripts that the steps share.
let script;
const fleet = []; // 25, of which each third has a summary

step("token", async () => {
  const service = await client.api("/deviceManagement").get();
  assert.equal(service.id, tenant);
});

step("wrong secret", async () => {
  const intruder = connect(server, tenant, id, "pls_wrong");
  const error = await intruder.api(scripts).get().catch((refused) => refused);
  assert.match(error.message, /invalid_client/);
});

step("create script", async () => {
  script = await create("Disk encryption", { publisher: "IT", runAsAccount: "user", platform: "linux" });
  assert.match(script.id, /^[0-9a-f-]{36}$/);
  assert.deepEqual(
    [script.displayName, script.publisher, script.runAsAccount, script.platform, script.roleScopeTagIds],
    ["Disk encryption", "IT", "user", "linux", ["0"]],
  );
});

step("post run summary", async () => {
  const answer = await client.api(`${at(script)}/runSummary`).responseType(ResponseType.RAW).post(summary);
  assert.equal(answer.status, 201);
  const created = await answer.json();
  assert.equal(created["@odata.type"], "#microsoft.graph.deviceComplianceScriptRunSummary");
  const read = await client.api(`${at(script)}/runSummary`).get();
  assert.equal(read.id, created.id);
  for (const name of Object.keys(summary).filter((name) => name.endsWith("Count"))) {
    assert.equal(read[name], summary[name], name);
  }
  assert.equal(read.lastScriptRunDateTime, "2017-01-01T08:01:17.4310553Z");
});

step("patch run summary", async () => {
  const changed = await client.api(`${at(script)}/runSummary`).patch({ issueDetectedDeviceCount: 3 });
  assert.deepEqual([changed.issueDetectedDeviceCount, changed.noIssueDetectedDeviceCount], [3, 97]);
});

step("patch script", async () => {
  const changed = await client.api(at(script)).patch({ description: "BitLocker, FileVault, LUKS" });
  assert.deepEqual([changed.description, changed.displayName], ["BitLocker, FileVault, LUKS", "Disk encryption"]);
});

step("select", async () => {
  const read = await client.api(at(script)).select(["displayName", "platform"]).get();
  const properties = Object.keys(read).filter((name) => !name.startsWith("@"));
  assert.deepEqual(properties.filter((name) => name !== "id"), ["displayName", "platform"]);
});

step("expand runSummary", async () => {
  const read = await client.api(at(script)).expand("runSummary").get();
  assert.equal(read.runSummary.issueDetectedDeviceCount, 3);
  const listed = await client.api(scripts).expand("runSummary").get();
  assert.equal(listed.value.find((one) => one.id === script.id).runSummary.issueDetectedDeviceCount, 3);
});

step("expand with select", async () => {
  const read = await client.api(at(script)).expand("runSummary($select=issueDetectedDeviceCount)").get();
  assert.equal(read.runSummary.issueDetectedDeviceCount, 3);
  assert.ok(!("noIssueDetectedDeviceCount" in read.runSummary));
});

step("create 25 scripts", async () => {
  for (let n = 1; n <= 25; n++) {
    const one = await create(`Fleet O'Hara ${String(n).padStart(2, "0")}`, { publisher: n % 2 ? "odd" : "even" });
    fleet.push(one);
    if (n % 3 === 0) {
      await report(one, { issueDetectedDeviceCount: n / 3 - 1 }); // 0 to 7
    }
  }
});

step("filter", async () => {
  const page = await client
    .api(scripts)
    .filter("startswith(displayName,'Fleet O''Hara') and runSummary/issueDetectedDeviceCount gt 1")
    .get();
  assert.deepEqual(namesOf(page.value).sort(), ["09", "12", "15", "18", "21", "24"].map((n) => `Fleet O'Hara ${n}`));
});

step("filter by and, or, not, in and null", async () => {
  const page = await client
    .api(scripts)
    .filter("startswith(displayName,'Fleet') and (publisher in ('even','none') or not contains(displayName,'2')) and description eq null")
    .get();
  const expected = namesOf(fleet).filter((name, i) => i % 2 === 1 || !name.includes("2"));
  assert.deepEqual(namesOf(page.value).sort(), expected);
});

step("orderby", async () => {
  const page = await client.api(scripts).filter("startswith(displayName,'Fleet')").orderby(["publisher", "displayName desc"]).get();
  const descending = namesOf(fleet).reverse();
  assert.deepEqual(namesOf(page.value), [...descending.filter((_, i) => i % 2 === 1), ...descending.filter((_, i) => i % 2 === 0)]);
});

step("top and count", async () => {
  const page = await client.api(scripts).top(7).count(true).get();
  assert.deepEqual([page.value.length, page["@odata.count"]], [7, 26]);
  assert.ok(page["@odata.nextLink"].startsWith(`${server}/beta${scripts}?`), page["@odata.nextLink"]);
});

step("count of a filter, in order, on pages", async () => {
  const first = await client.api(scripts).filter("startswith(displayName,'Fleet')").orderby("displayName desc").top(10).count(true).get();
  assert.equal(first["@odata.count"], 25);
  const { visited } = await toTheEnd(first);
  assert.deepEqual(namesOf(visited), namesOf(fleet).reverse());
});

step("search", async () => {
  const page = await client.api(scripts).search('"encryption"').get();
  assert.deepEqual(idsOf(page.value), [script.id]);
});

step("PageIterator", async () => {
  const { visited } = await toTheEnd(await client.api(scripts).top(7).get());
  assert.deepEqual(idsOf(visited).sort(), idsOf([script, ...fleet]).sort());
});

step("PageIterator with maxpagesize", async () => {
  const headers = { Prefer: "odata.maxpagesize=4" };
  const first = await client.api(scripts).headers(headers).get();
  assert.equal(first.value.length, 4);
  const { visited } = await toTheEnd(first, { headers });
  assert.deepEqual(idsOf(visited).sort(), idsOf([script, ...fleet]).sort());
});

step("$count", async () => {
  const text = await client.api(`${scripts}/$count`).get();
  assert.equal(Number(text), 26);
});

step("$count of a filter", async () => {
  const text = await client.api(`${scripts}/$count`).filter("publisher eq 'odd'").get();
  assert.equal(Number(text), 13);
});

// sendBatch sends requests, each {id, path, method, body, dependsOn}, in one.
async function sendBatch(requests) {
  const content = new BatchRequestContent(
    requests.map(({ id, path, method = "GET", body, dependsOn }) => ({
      id,
      dependsOn,
      request: new Request(new URL(path, server), {
        method,
        body: body && JSON.stringify(body),
        headers: body && { "Content-Type": "application/json" },
      }),
    })),
  );
  const answer = new BatchResponseContent(await client.api("/$batch").post(await content.getContent()));
  assert.equal(answer.getResponses().size, requests.length);
  return (id) => answer.getResponseById(id);
}

step("batch", async () => {
  const answer = await sendBatch(
    fleet.slice(0, 20).map((one, i) => ({ id: `${i + 1}`, path: at(one), dependsOn: i === 0 ? undefined : [`${i}`] })),
  );
  for (let i = 0; i < 20; i++) {
    const response = answer(`${i + 1}`);
    assert.equal(response.status, 200);
    assert.equal((await response.json()).displayName, fleet[i].displayName);
  }
});

step("batch with queries and the version in its paths", async () => {
  const answer = await sendBatch([
    { id: "a", path: `/beta${at(script)}?$select=displayName&$expand=runSummary` },
    { id: "b", path: `/beta${scripts}?$top=3&$count=true` },
  ]);
  assert.equal((await answer("a").json()).runSummary.issueDetectedDeviceCount, 3);
  const page = await answer("b").json();
  assert.deepEqual([page.value.length, page["@odata.count"]], [3, 26]);
  assert.equal((await client.api(page["@odata.nextLink"]).get()).value.length, 3);
});

step("batch of a write and a read that depends on it", async () => {
  const path = `${at(fleet[0])}/runSummary`;
  const answer = await sendBatch([
    { id: "post", path, method: "POST", body: { ...summary, issueDetectedDeviceCount: 41 } },
    { id: "read", path, dependsOn: ["post"] },
    { id: "delete", path, method: "DELETE", dependsOn: ["read"] },
  ]);
  assert.deepEqual([answer("post").status, answer("read").status, answer("delete").status], [201, 200, 204]);
  assert.equal((await answer("read").json()).issueDetectedDeviceCount, 41);
});

step("batch with a dependency that fails", async () => {
  const answer = await sendBatch([
    { id: "1", path: `${scripts}/00000000-0000-0000-0000-000000000000` },
    { id: "2", path: at(script), dependsOn: ["1"] },
    { id: "3", path: at(script), dependsOn: ["2"] },
  ]);
  assert.deepEqual(["1", "2", "3"].map((id) => answer(id).status), [404, 424, 424]);
  assert.equal((await answer("1").json()).error.code, "ResourceNotFound");
  assert.ok((await answer("2").json()).error.message);
});

step("delta", async () => {
  const changing = await create("Delta, changing");
  const going = await create("Delta, going");
  const first = await toTheEnd(await client.api(`${scripts}/delta`).get());
  const seen = new Set(idsOf(first.visited));
  assert.ok([script, changing, going, ...fleet].every((one) => seen.has(one.id)));

  await client.api(at(changing)).patch({ displayName: "Delta, changed" });
  await client.api(at(going)).delete();
  const coming = await create("Delta, coming");
  const second = await toTheEnd(await client.api(first.iterator.getDeltaLink()).get());
  const changes = new Map(second.visited.map((one) => [one.id, one]));
  assert.deepEqual([...changes.keys()].sort(), idsOf([changing, going, coming]).sort());
  assert.equal(changes.get(changing.id).displayName, "Delta, changed");
  assert.equal(changes.get(coming.id).displayName, "Delta, coming");
  assert.deepEqual(changes.get(going.id)["@removed"], { reason: "deleted" });

  const third = await toTheEnd(await client.api(second.iterator.getDeltaLink()).get());
  assert.deepEqual(third.visited, []);
  await client.api(at(changing)).delete();
  await client.api(at(coming)).delete();
});

step("content", async () => {
  const bytes = Buffer.from(Uint8Array.from({ length: 256 }, (_, i) => i));
  const holder = await create("Content", { detectionScriptContent: bytes.toString("base64") });
  const read = await client.api(at(holder)).get();
  assert.deepEqual(Buffer.from(read.detectionScriptContent, "base64"), bytes);
});

step("content raw", async () => {
  const bytes = Buffer.from(Uint8Array.from({ length: 256 }, (_, i) => i));
  const holder = await create("Content, raw", { detectionScriptContent: bytes.toString("base64") });
  const raw = await client.api(`${at(holder)}/detectionScriptContent/$value`).responseType(ResponseType.ARRAYBUFFER).get();
  assert.deepEqual(Buffer.from(raw), bytes);
});

step("error 404", async () => {
  const error = await refusal(client.api(`${scripts}/00000000-0000-0000-0000-000000000000`).get(), 404, "ResourceNotFound");
  assert.match(error.requestId, /^[0-9a-f-]{36}$/);
  assert.ok(!Number.isNaN(error.date.getTime()));
});

step("error 400 of a body", async () => {
  const error = await refusal(report(script, { issueDetectedDeviceCount: 2 ** 31 }), 400, "BadRequest");
  assert.match(error.message, /issueDetectedDeviceCount/);
});

step("error 400 of a filter", async () => {
  const error = await refusal(client.api(scripts).filter("colour eq 'red'").get(), 400, "BadRequest");
  assert.match(error.message, /colour/);
});

step("error 401", async () => {
  const intruder = Client.initWithMiddleware({
    baseUrl: server,
    defaultVersion: "beta",
    customHosts: new Set([new URL(server).hostname]),
    authProvider: { getAccessToken: async () => "eyJhbGciOiJub25lIn0.e30." },
  });
  await refusal(intruder.api(scripts).get(), 401, "InvalidAuthenticationToken");
});

step("error 412", async () => {
  const read = await client.api(at(script)).get();
  const changed = await client.api(at(script)).header("If-Match", read["@odata.etag"]).patch({ version: "2" });
  assert.notEqual(changed["@odata.etag"], read["@odata.etag"]);
  await refusal(client.api(at(script)).header("If-Match", read["@odata.etag"]).patch({ version: "3" }), 412, "PreconditionFailed");
  assert.equal((await client.api(at(script)).get()).version, "2");
});

step("delete", async () => {
  await client.api(`${at(script)}/runSummary`).delete();
  await refusal(client.api(`${at(script)}/runSummary`).get(), 404, "ResourceNotFound");
  await client.api(at(script)).delete();
  await refusal(client.api(at(script)).get(), 404, "ResourceNotFound");
});

step("version v1.0", async () => {
  const service = await client.api("/deviceManagement").version("v1.0").get();
  assert.equal(service.id, tenant);
});

await runAll();
