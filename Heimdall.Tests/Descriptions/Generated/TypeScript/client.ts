// What a program does with a client that openapi-typescript has made of the document: node client.js ADDRESS
import createClient from "openapi-fetch";
import type { components, paths } from "./heimdall.js";

type Job = components["schemas"]["Job"];
type JobContext = components["schemas"]["JobContext"];
type Problem = components["schemas"]["Problem"];

const address: string = process.argv[2] ?? "";
const api = createClient<paths, "application/json" | "application/problem+json" | "text/event-stream">({
  baseUrl: address,
});

function check(condition: unknown, what: string): asserts condition {
  if (!condition) {
    throw new Error(what);
  }
}

function submission(name: string, context: JobContext) {
  return { name, command_criteria: ["type:postgres"], cluster_criteria: ["_id:postgres"], context };
}

async function submit(name: string, context: JobContext): Promise<Job> {
  const { data, response } = await api.POST("/api/v1/job", {
    params: { header: { Prefer: "respond-async" } },
    body: submission(name, context),
  });
  check(response.status === 202 && data !== undefined && "id" in data, `${name}: ${response.status}`);
  check(response.headers.get("Location") === `/api/v1/job/${data.id}`, "Location");
  return data;
}

async function wait(id: string): Promise<Job> {
  for (;;) {
    const { data, error } = await api.GET("/api/v1/job/{id}", {
      params: { path: { id }, header: { Prefer: "wait=30" } },
    });
    check(data !== undefined, error?.detail ?? "no job");
    switch (data.status) {
      case "SUCCEEDED":
      case "FAILED":
      case "CANCELED":
      case "KILLED":
        return data;
    }
  }
}

// A query is answered at once.
const query = await api.POST("/api/v1/job", {
  body: submission("query", { query: "select 9007199254740993::int8", return_result: true, numbers: "string" }),
});
check(query.data !== undefined && "result" in query.data, "the query has no result");
check(query.data.result?.columns[0]?.type === "int8", "type of the column");
check(query.data.result.data[0]?.[0] === "9007199254740993", "the value was rounded");

// A query that fails is a problem.
const refused = await api.POST("/api/v1/job", {
  body: submission("refused", { query: "select 1/0", return_result: true }),
});
const problem: Problem | undefined = refused.error;
check(problem?.type === "urn:heimdall:problem:job-failed" && problem.sqlstate === "22012", "the problem");

// A batch is queued, waited for, and its events are streamed.
const batch = await submit("batch", { query: "select 1; select 2" });
check((await wait(batch.id)).statements === 2, "statements of the batch");
const events = await api.GET("/api/v1/job/{id}/events", { params: { path: { id: batch.id } }, parseAs: "stream" });
check(events.data, "no events");
let text = "";
const decoder = new TextDecoder();
for await (const piece of events.data as unknown as AsyncIterable<Uint8Array>) {
  text += decoder.decode(piece, { stream: true });
}
check(text.includes("event: status") && text.includes("event: end"), text);

// A job that runs is cancelled.
const slow = await submit("slow", { query: "select pg_sleep(600)" });
const cancelled = await api.POST("/api/v1/job/{id}/cancel", { params: { path: { id: slow.id } } });
check(cancelled.data?.id === slow.id, cancelled.error?.detail ?? "cancel");
check((await wait(slow.id)).status === "CANCELED", "the slow job was not cancelled");
const again = await api.POST("/api/v1/job/{id}/cancel", { params: { path: { id: slow.id } } });
check(again.error?.type === "urn:heimdall:problem:already-ended", "the second cancel");

// It is run again as a new job, which is cancelled too.
const retry = await api.POST("/api/v1/job/{id}/retry", { params: { path: { id: slow.id } } });
check(retry.data?.retry_of === slow.id, retry.error?.detail ?? "retry");
await api.POST("/api/v1/job/{id}/cancel", { params: { path: { id: retry.data.id } } });
await wait(retry.data.id);

// A page at a time.
const seen: string[] = [];
let cursor: string | undefined;
do {
  const page = await api.GET("/api/v1/jobs", {
    params: { query: { limit: 2, cursor, status: ["SUCCEEDED", "CANCELED"] } },
  });
  check(page.data, page.error?.detail ?? "no page");
  seen.push(...page.data.data.map((job) => job.id));
  cursor = page.data.next_cursor;
} while (cursor !== undefined);
check([batch.id, slow.id, retry.data.id].every((id) => seen.includes(id)), `pages: ${seen.join(" ")}`);
check(new Set(seen).size === seen.length, "a job is on two pages");

console.log("done");
