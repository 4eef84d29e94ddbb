// A program on the client that odata2ts generates from $metadata.
import { FetchClient } from "@odata2ts/http-client-fetch";

import { deviceComplianceScriptPlatformType, runAsAccountType } from "./generated/GraphModel";
import type { deviceComplianceScript, deviceComplianceScriptRunSummary, EditabledeviceComplianceScript, EditabledeviceComplianceScriptRunSummary } from "./generated/GraphModel";
import { GraphService } from "./generated/GraphService";

declare const process: { env: Record<string, string>; exitCode?: number };
const { PLIMSOLL_SERVER: server, PLIMSOLL_TENANT_ID: tenant, PLIMSOLL_CLIENT_ID: id, PLIMSOLL_CLIENT_SECRET: secret } = process.env;

async function token(): Promise<string> {
  const answer = await fetch(`${server}/${tenant}/oauth2/v2.0/token`, {
    method: "POST",
    body: new URLSearchParams({ grant_type: "client_credentials", client_id: id, client_secret: secret, scope: "https://graph.microsoft.com/.default" }),
  });
  return (await answer.json()).access_token;
}

function same(what: string, got: unknown, want: unknown) {
  if (JSON.stringify(got) !== JSON.stringify(want)) {
    throw new Error(`${what}: ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
  }
}

const script: EditabledeviceComplianceScript = {
  displayName: "Disk encryption, R&D + Sons",
  publisher: "IT",
  platform: deviceComplianceScriptPlatformType.linux,
  runAsAccount: runAsAccountType.user,
  enforceSignatureCheck: false,
  runAs32Bit: false,
  roleScopeTagIds: ["0"],
};

const summary: EditabledeviceComplianceScriptRunSummary = {
  noIssueDetectedDeviceCount: 97,
  issueDetectedDeviceCount: 2,
  detectionScriptErrorDeviceCount: 1,
  detectionScriptPendingDeviceCount: 0,
  lastScriptRunDateTime: "2017-01-01T00:01:17.4310553-08:00",
};

async function main() {
  const http = new FetchClient({ headers: { Authorization: `Bearer ${await token()}` } });
  const management = new GraphService(http, `${server}/beta`).deviceManagement();
  const scripts = () => management.deviceComplianceScripts();
  const created: deviceComplianceScript[] = [];
  const one = () => management.deviceComplianceScripts(created[0].id);

  const steps: Record<string, () => Promise<void>> = {
    "singleton": async () => {
      same("id", (await management.query()).data.id, tenant);
    },
    "create": async () => {
      for (const displayName of [script.displayName, "Firewall"]) {
        created.push((await scripts().create({ ...script, displayName })).data);
      }
      same("platform", created[0].platform, deviceComplianceScriptPlatformType.linux);
    },
    "get by key": async () => {
      const read = (await one().query((builder) => builder.select("displayName", "runAsAccount"))).data;
      same("read", [read.displayName, read.runAsAccount], [script.displayName, runAsAccountType.user]);
    },
    // POST to a single-valued navigation property is Graph's: no generator has it.
    "create run summary": async () => {
      const answer = await http.post<deviceComplianceScriptRunSummary>(one().runSummary().getPath(), summary);
      same("status", answer.status, 201);
    },
    "get run summary": async () => {
      const read = (await one().runSummary().query()).data;
      same("lastScriptRunDateTime", read.lastScriptRunDateTime, "2017-01-01T08:01:17.4310553Z");
    },
    "patch run summary": async () => {
      await one().runSummary().patch({ issueDetectedDeviceCount: 3 });
      same("count", (await one().runSummary().query()).data.issueDetectedDeviceCount, 3);
    },
    "list": async () => {
      const page = (await scripts().query((builder) => builder.select("id", "displayName").expand("runSummary").top(1).count())).data;
      same("length and count", [page.value.length, page["@odata.count"]], [1, 2]);
    },
    "filter, orderBy": async () => {
      const page = (
        await scripts().query((builder, q) =>
          builder
            .filter(q.displayName.startsWith("Disk encryption, R&D +").or(q.displayName.eq("Firewall")), q.runAsAccount.eq("user"))
            .orderBy(q.displayName.desc()),
        )
      ).data;
      same("names", page.value.map((found) => found.displayName), ["Firewall", script.displayName]);
    },
    "filter by the run summary": async () => {
      const page = (
        await scripts().query((builder, q) => builder.filter(q.runSummary.props.issueDetectedDeviceCount.gt(2), q.platform.eq("linux")))
      ).data;
      same("names", page.value.map((found) => found.displayName), [script.displayName]);
    },
    "expand with options": async () => {
      const page = (await scripts().query((builder) => builder.expanding("runSummary", (summary) => summary.select("issueDetectedDeviceCount")))).data;
      const counts = page.value.map((found) => found.runSummary?.issueDetectedDeviceCount ?? null);
      same("counts", counts.sort(), [3, null]);
    },
    "search": async () => {
      const page = (await scripts().query((builder) => builder.search("Firewall"))).data;
      same("names", page.value.map((found) => found.displayName), ["Firewall"]);
    },
    "function": async () => {
      const history = (await one().runSummaryHistory()).data.value;
      same("counts", history.map((entry) => entry.issueDetectedDeviceCount), [3, 2]);
    },
    "delete": async () => {
      await one().runSummary().delete();
      same("status", (await one().delete()).status, 204);
    },
  };
  for (const [step, run] of Object.entries(steps)) {
    try {
      await run();
      console.log(JSON.stringify({ step, ok: true }));
    } catch (error) {
      process.exitCode = 1;
      console.log(JSON.stringify({ step, ok: false, error: String(error) }));
    }
  }
}

void main();
