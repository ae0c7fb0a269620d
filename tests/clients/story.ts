// Use a book of contacts with openapi-fetch, over the types of openapi-typescript: `story.ts URL KEY`.
// The compiler checks that each answer has the fields that are read here, and that no list may be null.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./schema";

type Contact = components["schemas"]["ContactRecord"];

const [baseUrl, key] = process.argv.slice(2);
const api = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${key}` } });

type Body = NonNullable<paths["/contacts"]["post"]["requestBody"]>["content"]["application/json"];

async function create(body: Body) {
  const { data, response } = await api.POST("/contacts", { body });
  assert(data);
  return { contact: data.data satisfies Contact, etag: response.headers.get("ETag") ?? "" };
}

const { contact: ana, etag } = await create({
  first_name: "Ana", last_name: "García", emails: [{ address: "ana@acme.example", label: "work" }], tags: ["x"],
});
assert.equal(ana.emails[0].address, "ana@acme.example");
for (const number of [0, 1, 2]) await create({ display_name: `Bo ${number}` });

const { data: first } = await api.GET("/contacts", { params: { query: { limit: 2 } } });
assert(first && "data" in first);
assert.deepEqual([first.meta.total, first.data.length, first.meta.has_more], [4, 2, true]);
const { data: lines } = await api.GET("/contacts", { params: { query: { format: "compact" } } });
assert(lines && "lines" in lines);
assert.equal(lines.lines.length, 4);

const one = { path: { id: ana.id }, header: { "If-Match": etag } };
const { data: changed } = await api.PATCH("/contacts/{id}", { params: one, body: { company: "Acme" } });
assert.deepEqual([changed?.data.company, changed?.data.first_name], ["Acme", "Ana"]);
const { error } = await api.PATCH("/contacts/{id}", { params: one, body: { company: "B" } });
assert.equal(error?.error.code, "PRECONDITION_FAILED");

const { data: batch } = await api.POST("/contacts/batch", {
  body: { operations: [{ action: "create", data: { display_name: "Cy" } }, { action: "create", data: {} }] },
});
assert.deepEqual([batch?.data.processed, batch?.data.errors[0].code], [1, "VALIDATION_ERROR"]);
const made = batch?.data.results[0].data;
assert(made && "display_name" in made);

const made_path = { params: { path: { id: made.id } } };
const { data: trashed } = await api.DELETE("/contacts/{id}", made_path);
assert(trashed && "deleted_at" in trashed.data);
const { data: restored } = await api.POST("/contacts/{id}/restore", made_path);
assert.equal(restored?.data.deleted_at, null);

const { contact: twin } = await create({ display_name: "Ana García" });
const { data: duplicates } = await api.GET("/contacts/duplicates");
assert.deepEqual(duplicates?.data.map((each) => each.contacts.map((contact) => contact.id).sort()),
  [[ana.id, twin.id].sort()]);
const { data: merged } = await api.POST("/contacts/merge", { body: { into: ana.id, ids: [twin.id] } });
assert.equal(merged?.data.company, "Acme");

const { data: before } = await api.GET("/contacts/changes");
assert(before);
await api.DELETE("/contacts/{id}", { params: { path: { id: made.id }, query: { permanent: true } } });
await api.PATCH("/contacts/{id}", { params: { path: { id: ana.id } }, body: { company: "Acme Labs" } });
const { data: after } = await api.GET("/contacts/changes", { params: { query: { since: before.meta.next } } });
const byId = new Map(after?.data.map((each) => [each.data.id, each]));
assert.equal(byId.get(made.id)?.event, "contact.deleted");
const last = byId.get(ana.id)?.data;
assert(last && "company" in last);
assert.equal(last.company, "Acme Labs");
