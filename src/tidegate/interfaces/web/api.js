// What the page asks of the server, and what went wrong in the server's own words.

/**
 * An answer that is no forecast. status: HTTP's, 0 if no answer came; columns: of the table, as far as they are known;
 * ways: each a set of options with which it may be read, name -> value, the likeliest first.
 */
export class Refusal extends Error {
  constructor(message, status, {columns = [], suggested = {}, alternatives = []} = {}) {
    super(message);
    this.status = status;
    this.columns = columns;
    this.ways = [suggested, ...alternatives].filter(way => Object.keys(way).length);
  }
}

let token = sessionStorage.getItem("tidegate-token");
export function setToken(given) {
  token = given;
  sessionStorage.setItem("tidegate-token", given); // until the tab is closed
}
export const hasToken = () => Boolean(token);

/**
 * POST a table to /v1/`verb`. table: {body, type}; options: name -> value, null is left out.
 * Raises Refusal; an AbortError when `signal` says so.
 */
export async function ask(verb, table, options, signal) {
  const given = Object.entries(options).filter(([, value]) => value !== null);
  const headers = {"Content-Type": table.type, Accept: "application/json"};
  if (token) headers.Authorization = `Bearer ${token}`;
  let response;
  try {
    response = await fetch(`/v1/${verb}?${new URLSearchParams(given)}`, {method: "POST", body: table.body, headers, signal});
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal("The server does not answer. Is `tidegate serve` still running?", 0);
  }
  if (response.ok) return response.json();
  const told = response.headers.get("content-type")?.startsWith("application/json") ? (await response.json()).error : null;
  throw new Refusal(told?.message ?? `The server answered ${response.status} ${response.statusText}.`, response.status, told ?? {});
}
