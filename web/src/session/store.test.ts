import { createPinia, setActivePinia } from "pinia";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { useSession } from "./store";

beforeEach(() => setActivePinia(createPinia()));
afterEach(() => vi.unstubAllGlobals());

/** Lets whoever asks in by the name that they give. */
function letIn(): void {
  vi.stubGlobal("fetch", async (request: Request) => {
    if (!request.url.endsWith("/login")) return new Response(null, { status: 204 });
    const { name } = (await request.json()) as { name: string };
    const answer = { token: "t", user: { id: name, name, role: "inspector" }, allowed: ["calls"] };
    return new Response(JSON.stringify(answer), { headers: { "Content-Type": "application/json" } });
  });
}

test("who comes after somebody else on the same page is told apart from who comes back", async () => {
  letIn();
  const session = useSession();
  expect(await session.signIn("anna", "x")).toBe(false);
  await session.signOut();
  expect(session.user).toBe(null);
  expect(await session.signIn("anna", "x")).toBe(false);
  await session.signOut();
  expect(await session.signIn("bert", "x")).toBe(true);
  expect(session.user?.id).toBe("bert");
});
